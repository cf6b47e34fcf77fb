"""``holdfast dev``."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, server_options
from holdfast.cli.project import load
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError


@verb(
    "dev",
    "holdfast dev",
    "holdfast dev -- --detach",
    "holdfast dev -- --watch web",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("argv", nargs=-1, metavar="[-- ARGUMENTS...]")
@server_options
@given
def command(invocation: Invocation, argv: tuple[str, ...], where: Where) -> int:
    """Start the Compose project on this machine, with the values of development.

    It is docker compose up --build, as the project's author runs it: with .env and
    compose.override.yaml, and nothing of production. ARGUMENTS are its own. Its exit
    status is ours. No server is asked, and nothing of Holdfast is started.
    """
    words = up(invocation.directory, load(invocation, where).compose.files or ())
    status = _run((*words, *argv), invocation.directory)
    if invocation.json:
        invocation.answer({"status": status})
    return status


def up(directory: Path, files: tuple[str, ...]) -> tuple[str, ...]:
    """The command; Compose finds the files of a project by itself where they lie at the top.

    Args:
        files: those that count on a server; taken only if Compose would find none.

    Raises:
        UsageError: this is no Compose project, or there is no Docker here.
    """
    from holdfast.compose.project import NAMES

    found = any((directory / name).is_file() for name in NAMES)
    if not found and not files:
        raise UsageError(
            f"there is no Compose file here ({', '.join(NAMES)})",
            hint="holdfast dev is for Compose projects; holdfast deploy --server local runs others",
        )
    if shutil.which("docker") is None:
        raise UsageError(
            "Docker is not installed on this machine",
            hint="docs.docker.com/get-docker has it for every system; the server needs it, too",
        )
    named = () if found else tuple(word for name in files for word in ("--file", name))
    return ("docker", "compose", *named, "up", "--build")


def _run(argv: tuple[str, ...], directory: Path) -> int:
    """Run it on our terminal until it ends; Ctrl-C is for it, and it stops what it started."""
    # A handler, and not SIG_IGN: that alone would stay with the program (execve(2)).
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return subprocess.Popen(argv, cwd=directory).wait()
    finally:
        signal.signal(signal.SIGINT, before)
