"""The benchmarks' arithmetic and the memory of processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench import harness
from bench.harness import BenchError, alternate, check, children, middle, proportional_memory, ratio


def test_contenders_take_turns() -> None:
    """Every round lets each measure once, in alternating order; the warm-up does not count."""
    order: list[str] = []

    def one() -> float:
        order.append("one")
        return float(len(order))

    def two() -> float:
        order.append("two")
        return float(len(order))

    numbers = alternate(2, {"one": one, "two": two})
    assert order == ["two", "one", "one", "two", "two", "one"]
    assert numbers == {"one": [3.0, 6.0], "two": [4.0, 5.0]}


def test_ratio_is_the_median_of_the_rounds() -> None:
    """One bad round does not decide, and rounds are compared with themselves only."""
    assert ratio([1, 10, 100], [2, 20, 1]) == 0.5
    assert middle([3, 1, 2]) == 2


def test_failed_preparation_shows_its_output() -> None:
    """A peer that can't be prepared ends the benchmark with what it said."""
    with pytest.raises(BenchError, match="no good"):
        check(["/bin/sh", "-c", "echo no good; exit 3"])
    with pytest.raises(BenchError, match="no-such-program"):
        check(["no-such-program"])


def test_missing_peer_that_cannot_be_installed_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is never left out: the benchmark fails and says what is missing."""
    monkeypatch.setattr(harness, "_set_up", lambda what: None)
    with pytest.raises(BenchError, match="no-such-peer is missing"):
        harness.program("no-such-peer")


def test_children_of_all_generations_and_their_memory() -> None:
    """A tree of processes is found whole, and its memory is some real number of bytes."""
    script = "import subprocess, sys; subprocess.run(['sleep', '300'])"
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        while len(below := children(os.getpid())) < 2:
            pass
        assert process.pid in below
        grandchild = next(iter(children(process.pid)))
        assert grandchild in below
        assert 100_000 < proportional_memory([process.pid]) < 100_000_000
    finally:
        for pid in children(process.pid):
            os.kill(pid, 9)
        process.kill()
        process.wait()
