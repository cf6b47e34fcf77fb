"""End what a killed engine left running: its release command must not go on beside us.

Every child of an engine carries ``HOLDFAST_DEPLOY=<id>`` in its environment, which
proc_pid_environ(5) shows to its owner and to root.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

MARK = "HOLDFAST_DEPLOY"
_PATIENCE = 5.0


def find(deploy: str) -> list[int]:
    """The processes that carry the deploy's mark; none where there is no ``/proc``."""
    needle = f"{MARK}={deploy}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if needle in environment.split(b"\0"):
            found.append(int(entry.name))
    return found


def end(deploy: str) -> int:
    """Kill them and wait until they are gone.

    Returns:
        how many there were.
    """
    pids = find(deploy)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    deadline = time.monotonic() + _PATIENCE
    while find(deploy) and time.monotonic() < deadline:
        time.sleep(0.02)
    return len(pids)
