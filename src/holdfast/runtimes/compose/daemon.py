"""Docker's daemon going away in the middle of a call, and coming back by itself.

An upgrade, a crash or ``systemctl restart docker`` takes it away for some seconds, and systemd
starts it again. Containers go on without it (live-restore), and what it was asked can be asked
again: every call of ours names a state, or only looks.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from holdfast.command import Command
from holdfast.errors import CommandFailed
from holdfast.execute import run

PATIENCE = 30.0
"""Seconds: a daemon with many containers takes about ten to start; a hold's lease is longer."""

_LOST = re.compile(
    r"cannot connect to the docker (?:daemon|api)|failed to connect to the docker api"
    r"|error during connect|docker daemon running\?|: (?:unexpected )?EOF$|closing transport"
    r"|transport is closing|error reading from server"
    r"|unix \S+: (?:connect|read|write): (?:connection (?:refused|reset by peer)|broken pipe)",
    re.IGNORECASE | re.MULTILINE,
)
_LAST = 3
"""Lines: Docker's own error comes last, behind whatever a build has printed."""

_COMING = frozenset({"active", "activating", "reloading", "deactivating"})
_POLL = 0.2


def lost(output: str) -> bool:
    """Whether a call failed since nobody was there, or there any more, to answer it."""
    return _LOST.search("\n".join(output.rstrip().splitlines()[-_LAST:])) is not None


def returns(answers: Callable[[], bool]) -> bool:
    """Wait for the daemon as long as systemd is about to start it; whether it answers.

    Args:
        answers: asks it.
    """
    deadline = time.monotonic() + PATIENCE
    while not answers():
        if time.monotonic() > deadline or not _coming():
            return False
        time.sleep(_POLL)
    return True


def _coming() -> bool:
    """What was stopped by a person stays down, and so does what failed too often."""
    command = Command(("systemctl", "is-active", "docker.service"), timeout=10.0)
    try:
        return run(command, check=False).output.strip() in _COMING
    except CommandFailed:
        return False
