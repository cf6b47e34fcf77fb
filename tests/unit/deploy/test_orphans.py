"""What a killed engine left running is found by its mark and ended."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from holdfast.deploy import orphans

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="proc(5) is Linux's")


def test_the_whole_family_of_a_marked_command_is_ended() -> None:
    """A shell's child inherits the mark; a process of another deploy is left alone."""
    marked = subprocess.Popen(
        ["/bin/sh", "-c", "sleep 60 & sleep 60"], env={**os.environ, orphans.MARK: "d1"}
    )
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, orphans.MARK: "d10"})
    try:
        deadline = time.monotonic() + 5
        while len(orphans.find("d1")) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert orphans.end("d1") == 3
        assert marked.wait(5) == -9
        assert orphans.find("d1") == []
        assert other.poll() is None
    finally:
        for process in (marked, other):
            process.kill()
            process.wait()


def test_nothing_marked_nothing_ended() -> None:
    """The usual case."""
    assert orphans.end("no-such-deploy") == 0
