"""The lock of an app's engine dies with its holder."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from holdfast.deploy.lock import deploy_lock, is_held
from holdfast.errors import Busy

HOLDER = """
import sys, time
from pathlib import Path
from holdfast.deploy.lock import deploy_lock
with deploy_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_gives_the_lock_back(tmp_path: Path) -> None:
    """No file to remove by hand after a crash."""
    path = tmp_path / "notes" / "lock"
    path.parent.mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert is_held(path)
    with pytest.raises(Busy, match="notes: its engine is at work"), deploy_lock(path):
        pass
    holder.kill()
    holder.wait()
    with deploy_lock(path, wait=1):
        assert is_held(path)
    assert not is_held(path)


def test_waiting_has_an_end(tmp_path: Path) -> None:
    """Seconds, as said."""
    path = tmp_path / "lock"
    with deploy_lock(path):
        started = time.monotonic()
        with pytest.raises(Busy), deploy_lock(path, wait=0.2):
            pass
        assert 0.2 <= time.monotonic() - started < 2


def test_a_missing_file_is_not_held(tmp_path: Path) -> None:
    """An app that was never deployed."""
    assert not is_held(tmp_path / "lock")
