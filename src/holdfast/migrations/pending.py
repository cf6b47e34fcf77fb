"""Ask the framework, in the release's own environment, which migrations are pending.

Nothing is changed by asking. An answer that cannot be had is ``None``: the plan then takes
the release command for one that may change the database.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from holdfast.account import Account
from holdfast.app import ReleaseCommand
from holdfast.command import Command, Secret
from holdfast.errors import CommandFailed
from holdfast.execute import run
from holdfast.runtimes.contract import Release

_TIMEOUT = 60.0
_MARK = "HOLDFAST-PENDING "


def pending(
    release: Release, environment: Mapping[str, str | Secret], user: Account | None = None
) -> tuple[str, ...] | None:
    """Names of the migrations that the release command would run, in order.

    Args:
        environment: the whole environment of a one-off command in the release.
        user: whom the app's code runs as.

    Returns:
        ``()`` when the release has no release command or nothing is pending; ``None`` when
        it cannot be known.
    """
    command = release.spec.release
    if command is None:
        return ()
    if command.known is None:
        return None
    if release.pending is not None:
        return release.pending
    argv = _asking(command)
    try:
        done = run(
            Command(
                argv,
                timeout=_TIMEOUT,
                env=environment,
                clean_env=True,
                cwd=release.source / command.directory,
                title="asking for pending migrations",
                user=user,
            )
        )
    except CommandFailed:
        return None
    return _django(done.output) if command.known == "django" else _alembic(done.output)


def _asking(command: ReleaseCommand) -> tuple[str, ...]:
    if command.known == "django":
        manage = command.settings.get("manage", "manage.py")
        return ("python", manage, "showmigrations", "--plan", "--no-color")
    script = Path(__file__).with_name("ask_alembic.py").read_text()
    return (
        "python",
        "-c",
        script,
        command.known or "",
        command.settings.get("app", ""),
        command.settings.get("directory", ""),
    )


def _django(output: str) -> tuple[str, ...]:
    """The unticked lines of ``showmigrations --plan``: ``[ ]  polls.0002_closed``."""
    lines = (line.strip() for line in output.splitlines())
    return tuple(line[3:].split()[0] for line in lines if line.startswith("[ ]"))


def _alembic(output: str) -> tuple[str, ...] | None:
    for line in output.splitlines():
        if line.startswith(_MARK):
            return tuple(str(name) for name in json.loads(line.removeprefix(_MARK)))
    return None
