"""Processes by number, and strangers with the same number."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.runtimes import processes
from holdfast.runtimes.ports import free_port


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A process that recorded itself as launchers do."""
    file = tmp_path / "x.pid"
    record = processes.RECORD.format(file=file)
    with subprocess.Popen(
        ["/bin/sh", "-c", f"{record}exec sleep 60"], start_new_session=True
    ) as it:
        while not file.exists() or not file.read_text():
            time.sleep(0.005)
        yield it, file
        it.kill()


def test_a_recorded_process_is_known(sleeper: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, file = sleeper
    assert processes.recorded(file) == process.pid
    process.kill()
    deadline = time.monotonic() + 5
    while processes.recorded(file) is not None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert processes.recorded(file) is None  # a zombie until it is waited for
    process.wait()
    assert processes.recorded(file) is None


def test_a_stranger_with_its_number_is_not(
    sleeper: tuple[subprocess.Popen[bytes], Path],
) -> None:
    """The start time differs."""
    process, file = sleeper
    fields = file.read_text().split()
    fields[21] = str(int(fields[21]) + 1)
    file.write_text(" ".join(fields))
    assert processes.recorded(file) is None
    assert process.poll() is None


@pytest.mark.parametrize("text", ["", "x", "-1 y", "999999999 (a) S 1", "1"])
def test_a_damaged_record_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pid").write_text(text)
    assert processes.recorded(tmp_path / "x.pid") is None
    assert processes.recorded(tmp_path / "none.pid") is None


def test_a_group_of_zombies_has_ended() -> None:
    """kill(2) counts them; where init is slow, a stop would wait for nothing."""
    process = subprocess.Popen(["true"], start_new_session=True)
    deadline = time.monotonic() + 5
    while processes.alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert not processes.alive(process.pid)
    os.killpg(process.pid, 0)
    process.wait()


def test_free_ports_are_never_those_taken() -> None:
    taken = frozenset(range(20_000, 31_990))
    assert 31_990 <= _port(taken) < 32_000


def _port(taken: frozenset[int]) -> int:
    for _ in range(200):
        try:
            return free_port(taken)
        except Exception:  # noqa: BLE001, S112 - a sample of 500 may miss the ten that are left
            continue
    pytest.fail("none found")


def test_an_end_is_noticed_at_once(sleeper: tuple[subprocess.Popen[bytes], Path]) -> None:
    """Requests wait while a process ends: no tick of a clock is waited for."""
    process, _ = sleeper
    threading.Timer(0.05, process.kill).start()
    began = time.monotonic()
    processes.wait_for_one([process.pid], 5)
    assert 0.04 < time.monotonic() - began < 2


def test_a_process_that_goes_on_is_waited_for_no_longer_than_asked(
    sleeper: tuple[subprocess.Popen[bytes], Path],
) -> None:
    began = time.monotonic()
    processes.wait_for_one([sleeper[0].pid], 0.05)
    assert 0.04 < time.monotonic() - began < 2


def test_one_that_is_gone_already_is_not_waited_for() -> None:
    """Its number may be nobody's, and the rest of its group is what is waited for."""
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    began = time.monotonic()
    processes.wait_for_one([gone.pid], 5)
    assert time.monotonic() - began < 2
