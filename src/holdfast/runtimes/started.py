"""What a runtime remembers of a process that it has started: a small file beside the launcher."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from holdfast.records import record
from holdfast.runtimes.ports import free_port


@record
class Started:
    """What was started under a name: of which release, listening where.

    ``grace`` is in seconds: between TERM and KILL, when nobody says otherwise.
    """

    release: str
    address: str | None = None
    grace: float = 30.0


def read_started(path: Path) -> Started | None:
    """What was written down, or ``None`` if nothing, or nothing that can be read."""
    try:
        return Started(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def reads(path: Path, text: str) -> bool:
    """Whether a file is there and says exactly that."""
    try:
        return path.read_text() == text
    except OSError:
        return False


def port_address(release: str, before: Started | None, others: Iterable[Started | None]) -> str:
    """Where a release that needs a port is to listen: where it did, or a port nobody has.

    Args:
        before: what was started in its slot last.
        others: what was started anywhere on this machine; its port may be free for the moment
            in which it is started again.

    Raises:
        ProcessError: every port is in use.
    """
    if before and before.release == release and before.address:
        return before.address
    taken = {
        int(item.address.split(":")[1])
        for item in others
        if item and item.address and not item.address.startswith("unix:")
    }
    return f"127.0.0.1:{free_port(frozenset(taken))}"
