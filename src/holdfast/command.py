"""A command as a value: it can be printed, compared and tested; building it runs nothing.

Secrets never stand in arguments (``ps`` shows those to every user of a machine), so
``argv`` holds plain strings; environment and standard input may hold :class:`Secret`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from holdfast.account import Account
from holdfast.records import record


@record
class Secret:
    """A string that does not print itself."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "***"


@record
class Command:
    """What is going to be run.

    Attributes:
        argv: the program and its arguments, no secrets.
        timeout: seconds until it is ended; every command has one.
        env: the whole environment when ``clean_env``, else additions to ours.
        cwd: working directory.
        stdin: what is fed to it; ``None`` means no input.
        title: what a person calls it, for messages; the program's name if empty.
        user: whom it runs as, with no groups but its own; ``None``: as ourselves.
    """

    argv: tuple[str, ...]
    timeout: float
    env: Mapping[str, str | Secret] = field(default_factory=dict)
    cwd: Path | None = None
    stdin: bytes | None = field(default=None, repr=False)
    clean_env: bool = False
    title: str = ""
    user: Account | None = None

    def __str__(self) -> str:
        """The command as a shell would take it, secrets masked."""
        return shlex.join(self.argv)

    @property
    def name(self) -> str:
        return self.title or Path(self.argv[0]).name


def shell(script: str, *, timeout: float, **rest: object) -> Command:
    """A command for ``/bin/sh -c``: what a user wrote in ``holdfast.toml`` or a ``Procfile``."""
    return Command(("/bin/sh", "-c", script), timeout=timeout, title=script, **rest)  # type: ignore[arg-type]
