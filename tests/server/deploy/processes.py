"""The processes of a place, found by what they have open or were told: to be killed in tests."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from demo.place import Place
from holdfast.edge.client import Edge
from holdfast.layout import Layout
from holdfast.runtimes.supervisor import starter
from tests.server.deploy.running import PATIENCE


def edge(place: Place) -> Edge:
    return Edge(Layout(place.root))


def master(place: Place) -> int:
    """The nginx master."""
    pid = edge(place).info()["pid"]
    assert isinstance(pid, int), "nginx does not run"
    return pid


def workers(place: Place) -> list[int]:
    """Its workers."""
    return children(master(place))


def supervisord(place: Place) -> int:
    pid = starter.running_pid(Layout(place.root))
    assert pid is not None, "supervisord does not run"
    return pid


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed]


def kill(*pids: int) -> float:
    """``kill -9``; returns when they are gone, with the time (``time.monotonic()``) it was."""
    moment = time.monotonic()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = moment + PATIENCE
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return moment


def alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def end_everything(place: Place) -> None:
    """What the end of power does: nobody of the place is left, nobody could say good-bye."""
    deadline = time.monotonic() + PATIENCE
    while found := everything(place):
        assert time.monotonic() < deadline
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def everything(place: Place) -> list[int]:
    """All processes that name the place in their arguments or environment, or map its files."""
    root = os.fsencode(place.root)
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        pid = int(entry.name)
        if pid != os.getpid() and alive(pid) and _names(entry, root):
            found.append(pid)
    return found


def _names(entry: Path, root: bytes) -> bool:
    for file in ("cmdline", "environ", "maps"):
        with suppress(OSError):
            if root + b"/" in (text := (entry / file).read_bytes()):
                return True
            if root in text and file == "environ":
                return True
    return False
