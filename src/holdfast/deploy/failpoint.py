"""Die on purpose at a named place, once, so that tests can kill an engine exactly there.

The file ``ROOT/failpoint`` holds ``before:STEP`` or ``after:STEP`` (``undo:STEP`` while a
deploy is undone); the engine that gets there removes the file and kills itself, as
``kill -9`` would. Without the file this is one failed stat(2) a step.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path


class Failpoint:
    """The failpoint of one machine."""

    def __init__(self, root: Path) -> None:
        self._path = root / "failpoint"

    def reach(self, place: str) -> None:
        """Die here if ``place`` is what the file names."""
        try:
            wanted = self._path.read_text().strip()
        except OSError:
            return
        if wanted == place:
            self._path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
