"""Die or wait on purpose at a named place, once, so that tests can meet a deploy exactly there.

The file ``ROOT/failpoint`` holds ``before:STEP`` or ``after:STEP`` (``undo:STEP`` while a
deploy is undone, ``booted ahead`` while a release is built); the engine that gets there removes
the file and kills itself, as ``kill -9`` would. After ``wait `` it renames the file to
``failpoint.reached`` instead and goes on when that is removed. Without the file this is one
failed open(2) a step.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

LONGEST_WAIT = 60.0
"""Seconds after which the engine goes on in any case."""


class Failpoint:
    """The failpoint of one machine."""

    def __init__(self, root: Path) -> None:
        self._path = root / "failpoint"

    def reach(self, place: str) -> None:
        """Die or wait here if ``place`` is what the file names."""
        try:
            wanted = self._path.read_text().strip()
        except OSError:
            return
        if wanted == place:
            self._path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        elif wanted == f"wait {place}":
            reached = self._path.replace(self._path.with_name("failpoint.reached"))
            deadline = time.monotonic() + LONGEST_WAIT
            while reached.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
