"""A benchmark played in parts: what is left, what counts, and what is never called whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import detect, faults
from bench.faults import Outcome, summary
from bench.harness import BenchError
from bench.parts import Parts
from tests.machines.machine import CommandFailed

GOOD = {"recovered": True, "lost": 0, "answered_twice": 0, "failed": 0}
BAD = {"recovered": False, "lost": 1, "answered_twice": 2, "failed": 3}


def test_only_is_looked_for_in_the_name() -> None:
    """Without it every case is wanted."""
    hold = Parts(only=re.compile("power.*hold"))
    assert hold.wants("power cut, hold, before open")
    assert not hold.wants("power cut, handover, before open")
    assert Parts().wants("anything")


def test_after_the_minutes_no_case_is_begun() -> None:
    """Without a limit there is always time."""
    assert Parts(minutes=0).time_is_over()
    assert not Parts(minutes=1).time_is_over()
    assert not Parts().time_is_over()


def test_what_was_played_is_found_again(tmp_path: Path) -> None:
    """The file is made with the first case; the last line of a case holds."""
    parts = Parts(resume=tmp_path / "played.jsonl")
    assert parts.played() == {}
    parts.keep("one", BAD)
    parts.keep("two", GOOD)
    parts.keep("one", GOOD)
    assert Parts(resume=parts.resume).played() == {
        "one": {"case": "one", **GOOD},
        "two": {"case": "two", **GOOD},
    }


def test_a_file_of_something_else_is_named(tmp_path: Path) -> None:
    """With the line that is wrong."""
    file = tmp_path / "played.jsonl"
    file.write_text('{"case": "one"}\n[]\n')
    with pytest.raises(BenchError, match=r"played\.jsonl, line 2"):
        Parts(resume=file).played()


def test_a_part_is_never_whole() -> None:
    """Sums are of what was played, and say of how many; a case of another bench does not count."""
    names = ["one", "two", "three"]
    part = summary(names, {"one": GOOD, "two": BAD, "other": BAD})
    assert part == {
        "cases": 2,
        "recovered": 1,
        "lost": 1,
        "answered_twice": 2,
        "failed": 3,
        "cases_in_all": 3,
        "whole": False,
    }
    assert summary(names, dict.fromkeys(names, GOOD))["whole"] is True


def test_a_part_of_the_projects_is_never_whole() -> None:
    """Likewise for ``detect``; what was not as expected does not count as it."""
    good, bad = {"as_expected": True}, {"as_expected": False, "problem": "500"}
    part = detect.summary(["one", "two", "three"], {"one": good, "two": bad, "other": good})
    assert part == {"projects": 2, "as_expected": 1, "projects_in_all": 3, "whole": False}
    assert detect.summary(["one"], {"one": good})["whole"] is True


class NoClock:
    """A server on which libfaketime cannot be installed."""

    def steps(self, strategy: str) -> list[str]:
        return ["open"]

    def fake_clock(self) -> None:
        raise CommandFailed("no package libfaketime")


@contextmanager
def no_clock(release: str) -> Iterator[NoClock]:
    yield NoClock()


def test_without_its_means_a_case_was_not_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that could not be had is no outcome: it does not count, and comes up again."""
    parts = Parts(resume=tmp_path / "played.jsonl")
    monkeypatch.setattr(faults, "fault_server", no_clock)
    monkeypatch.setattr(faults, "play", lambda *_: Outcome(True, 0, 0, 0, 1.0, ""))
    found = faults.run(1, parts)
    clocks = len(faults.SERVERS) * len(faults.CLOCK)
    assert (found["cases_in_all"] - found["cases"], found["whole"]) == (clocks, False)
    assert found["recovered"] == found["cases"] == len(parts.played())
    assert not [name for name in parts.played() if "clock" in name]
