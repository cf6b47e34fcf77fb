"""The demo, whole: what a new user runs first."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def demo(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The demo running; whatever happens it is asked to end, and given time to."""
    process = subprocess.Popen(
        [sys.executable, "-m", "demo", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def processes(root: str) -> list[str]:
    """Command lines that name the demo's directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if root in line:
            found.append(line)
    return found


def root_in(output: str) -> str:
    found = re.search(r"/tmp/hfd\w+", output)
    assert found, output
    return found[0]


@pytest.mark.timeout(300)
def test_the_whole_demo() -> None:
    """Nothing failed, nothing out of order, the broken version undone, nothing left running."""
    with demo("--json", "--rate", "20") as process:
        output, _ = process.communicate(timeout=280)
    told = json.loads(output.splitlines()[-1])
    assert told["wrong"] == [], output
    assert process.returncode == 0
    assert told["apps"] == ["notes", "polls"]
    assert (told["deploys"], told["failed"], told["out_of_order"]) == (7, 0, 0)
    assert len(told["held_ms"]) == 5
    assert {one["strategy"] for one in told["each"]} == {"handover", "hold"}
    assert [one["outcome"] for one in told["each"]].count("undone") == 1
    assert processes(root_in(output)) == []
    assert not Path(root_in(output)).exists()


@pytest.mark.timeout(120)
def test_ctrl_c_leaves_nothing() -> None:
    """In the middle of a deploy: everything that was started ends, the directory goes."""
    with demo() as process:
        assert process.stdout is not None
        said = process.stdout.readline() + process.stdout.readline()
        root = root_in(said)
        deadline = time.monotonic() + 60
        while not any("nginx" in line for line in processes(root)):
            assert time.monotonic() < deadline, "no nginx was started"
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert processes(root) == []
    assert not Path(root).exists()
