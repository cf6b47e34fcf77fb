"""``holdfast init``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from holdfast.cli.asking import agreed, ask
from holdfast.cli.findings import find
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, domain_option, server_options, yes_option
from holdfast.cli.project import LOCAL, Beginning, begin
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.plan import finding_lines
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError

FILE = "holdfast.toml"


@verb(
    "init",
    "holdfast init",
    "holdfast init --write --server local",
    "holdfast init --write --domain notes.example.com",
)
@click.option("--write", is_flag=True, help=f"Write {FILE}.")
@domain_option
@yes_option
@server_options
@given
def command(
    invocation: Invocation, where: Where, domains: tuple[str, ...], write: bool, yes: bool
) -> None:
    """Show what this project is, each finding with its reason; write holdfast.toml on request.

    Written is what cannot be found out: the name, the server, the domains. All else is
    found anew with each deploy. A file that is there is not replaced, but with --write
    --yes, and then it is kept as holdfast.toml.old.
    """
    from holdfast.codec import to_json

    beginning = begin(invocation, where, domains)
    _, spec = find(invocation.directory, beginning)
    findings = [to_json(finding) for finding in spec.findings]
    paint = Paint()
    if not invocation.json:
        print(paint(beginning.name, "bold"))
        print("\n".join(finding_lines(findings, paint)))
        if spec.framework != "command":
            print(paint("  the app itself is asked for more when a release is built", "dim"))
    draft = _draft(beginning, invocation.interactive and not yes)
    written = _decide(invocation, beginning, draft, write=write, yes=yes)
    result = {"app": beginning.name, "findings": findings, "file": FILE, "text": draft}
    invocation.answer({**result, "written": written}, _ending(beginning, draft, written))


def _draft(beginning: Beginning, interactive: bool) -> str:
    """The file as it would be."""
    from holdfast.config.write import render

    app: dict[str, Any] = {"name": beginning.name}
    reasons = {"app.name": "so that renaming the folder does not make it another app"}
    server = beginning.server or (LOCAL if beginning.known else None)
    if server is None and interactive and not beginning.config.files:
        server = ask("Where shall it run: local (this machine), or user@host", LOCAL)
    if server is not None:
        app["server"] = server
    if beginning.domains:
        app["domains"] = list(beginning.domains)
    return render({"app": app}, reasons)


def _decide(
    invocation: Invocation, beginning: Beginning, draft: str, *, write: bool, yes: bool
) -> bool:
    """Write if that was asked for, by an option or in answer to a question."""
    existing = beginning.config.files
    if existing and not (write and yes):
        if write:
            raise UsageError(
                f"{existing[0]} is there already; nothing was written",
                hint=f"--write --yes replaces it and keeps the old one as {FILE}.old",
            )
        return False
    if not write and not yes:
        if not invocation.interactive:
            return False
        print(f"\n{draft}")
        if not agreed(f"Write this to {FILE}?"):
            return False
    _write(invocation.directory / FILE, draft)
    return True


def _write(path: Path, text: str) -> None:
    from holdfast.files import write_atomic

    if path.exists():
        path.replace(path.with_name(f"{path.name}.old"))
    write_atomic(path, text)


def _ending(beginning: Beginning, draft: str, written: bool) -> list[str]:
    if written:
        return ["", f"written: {FILE}; next: holdfast deploy"]
    if beginning.config.files:
        return [
            "",
            f"{', '.join(beginning.config.files)} is read; holdfast check looks for problems",
        ]
    return ["", f"{FILE} would be (--write writes it):", "", *draft.rstrip().splitlines()]
