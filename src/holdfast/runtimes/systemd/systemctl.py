"""systemd's own programs, as commands, and what they answer."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from functools import cache

from holdfast.command import Command
from holdfast.errors import CommandFailed, ProcessError
from holdfast.execute import Completed, run

LOOKING = 20.0
STARTING = 90.0
"""Seconds that systemctl may take."""

WANTED = "/etc/systemd/system/multi-user.target.wants"

_ASKED = (
    *("Id", "LoadState", "ActiveState", "SubState", "MainPID", "NRestarts", "NeedDaemonReload"),
    *("ExecMainStatus", "ExecMainCode", "ActiveEnterTimestampMonotonic"),
    *("ExecMainStartTimestampMonotonic", "InactiveEnterTimestampMonotonic", "Result"),
)

ENDED = ("inactive", "failed")
"""A unit's ActiveState when it does not run and is not about to."""

Properties = Mapping[str, str]


def command(*words: str, timeout: float = LOOKING) -> Command:
    """``systemctl`` with these arguments."""
    return Command(("systemctl", "--no-ask-password", *words), timeout=timeout, title="systemctl")


def call(*words: str, timeout: float = LOOKING) -> Completed:
    """Run it.

    Raises:
        ProcessError: it failed; with its own words.
    """
    try:
        return run(command(*words, timeout=timeout))
    except CommandFailed as error:
        raise ProcessError(
            f"systemctl {' '.join(words[:1])} failed: {error.message}",
            hint="systemctl --failed and journalctl -b show more",
            detail=error.output,
        ) from error


@cache
def version() -> int:
    """systemd's version: 252 on Debian 12, 257 on Debian 13."""
    said = call("--version").output
    found = re.match(r"systemd (\d+)", said)
    if found is None:
        raise ProcessError("systemctl --version does not say which systemd it is", detail=said)
    return int(found[1])


def show(units: Sequence[str]) -> dict[str, Properties]:
    """What systemd knows of units, by name; also of those that do not exist."""
    if not units:
        return {}
    wanted = ",".join(_ASKED)
    said = call("show", f"--property={wanted}", "--", *units).output
    return {block["Id"]: block for block in parse(said)}


def parse(said: str) -> list[Properties]:
    """``systemctl show``: a block of ``NAME=VALUE`` lines for each unit, a blank one between."""
    return [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        for block in said.strip().split("\n\n")
        if block.strip()
    ]


def unix_time(microseconds: str) -> float | None:
    """A ``…Monotonic`` property as Unix time; ``None`` for 0, which means never."""
    value = int(microseconds or 0)
    return time.time() - time.monotonic() + value / 1e6 if value else None


def reload() -> None:
    """Have systemd read the unit files again."""
    call("daemon-reload", timeout=STARTING)
