"""One-off commands of a release, each in a container that is removed when it has ended."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from holdfast.command import Command
from holdfast.runtimes.compose import steady, taking
from holdfast.runtimes.compose.records import OTHERS
from holdfast.runtimes.compose.released import Released

_LONGEST = 24 * 3600.0


def one_off(one: Released, argv: Sequence[str], *, tty: bool) -> Command:
    """A person's command, in the image of the app's code."""
    return _run(one, one.said.code, argv, tty=tty)


def release_command(one: Released) -> Command:
    """The release command: services, one after the other, or a shell's line in the app's image."""
    command = one.release.spec.release
    assert command is not None
    said = command.settings.get("services") or command.settings.get("service") or ""
    if services := said.split():
        runs = [_run(one, service, (), tty=False) for service in services]
        words = " && ".join(shlex.join(run.argv) for run in runs)
        return runs[0] if not runs[1:] else replace(runs[0], argv=("/bin/sh", "-c", words))
    return _run(one, one.said.code, ("/bin/sh", "-c", command.command), tty=False)


def _run(one: Released, service: str, argv: Sequence[str], *, tty: bool) -> Command:
    """What it needs is started first."""
    steady.ensure(one)
    taking.take(one)
    words = ("run", "--rm", "--no-deps", "--quiet-pull", *(() if tty else ("--no-TTY",)))
    command = one.command(OTHERS, *words, service, *argv, timeout=_LONGEST)
    return replace(command, title=argv[0] if argv else service)
