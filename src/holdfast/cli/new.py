"""``holdfast new``."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError

KINDS = ("flask", "django", "fastapi", "one-file")
_PART = re.compile(r"^--- (.+)\n", re.MULTILINE)


@verb("new", "holdfast new flask", "holdfast new django shop", "holdfast new one-file hello --json")
@click.argument("kind", type=click.Choice(KINDS), metavar="KIND")
@click.argument("folder", default="", metavar="[FOLDER]")
@given
def command(invocation: Invocation, kind: str, folder: str) -> None:
    """Make a small app that deploys as it is: KIND is flask, django, fastapi or one-file.

    It has tests, a health path and its settings from the environment. FOLDER must be
    new or empty; without it, the folder is called as the kind.
    """
    home = invocation.path(folder or kind)
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(
            f"{home}: there is something there already; nothing was written",
            hint=f"holdfast new {kind} ANOTHER-FOLDER",
        )
    written = _write(home, kind, home.resolve().name)
    result = {"folder": str(home), "kind": kind, "files": written}
    told = [f"written: {len(written)} files in {home}", f"next: cd {home}"]
    invocation.answer(result, [*told, "      holdfast deploy --server local"])


def _write(home: Path, kind: str, name: str) -> list[str]:
    """Lay the starter's files down; their paths."""
    text = files("holdfast.cli").joinpath("starters", f"{kind}.txt").read_text(encoding="utf-8")
    _, *parts = _PART.split(text)
    for path, content in zip(parts[::2], parts[1::2], strict=True):
        target = home / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content.replace("{name}", name), encoding="utf-8")
    return parts[::2]
