"""``bin/test`` counts what pytest reports and refuses what it does not know."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import run
from tests.conftest import require
from tests.run import Tally

REPORT = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10"/></testsuites>
"""

CASES = """<?xml version="1.0"?>
<testsuites><testsuite name="pytest">
<testcase classname="tests.machines.test_a" name="test_1"/>
<testcase classname="tests.machines.test_b" name="test_1[debian12]"><failure/></testcase>
<testcase classname="tests.machines.test_b" name="test_1[debian12]"><error message="x"/></testcase>
<testcase classname="tests.machines.test_b" name="test_2"><failure message="x"/></testcase>
<testcase classname="tests.machines.test_c" name="test_1"><error message="x"/></testcase>
</testsuite></testsuites>
"""

LONG = """
import time
from pathlib import Path
import pytest

HERE = Path(__file__).parent

@pytest.fixture
def tidy():
    yield
    (HERE / "tidied").touch()

def test_long(tidy):
    (HERE / "begun").touch()
    time.sleep(100)
"""


def test_report_is_counted(tmp_path: Path) -> None:
    """Errors in fixtures are failures, and nothing is counted twice."""
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    assert run.count(report) == Tally(passed=4, failed=3, skipped=3)


def test_missing_report_counts_nothing(tmp_path: Path) -> None:
    """pytest that ended before it began has left no report."""
    assert run.count(tmp_path / "none.xml") == Tally()
    assert run.failed_tests(tmp_path / "none.xml") == []


def test_what_failed_is_known_by_name(tmp_path: Path) -> None:
    """Each once, errors of fixtures too: these alone are repeated."""
    report = tmp_path / "report.xml"
    report.write_text(CASES)
    assert run.failed_tests(report) == [
        "tests/machines/test_b.py::test_1[debian12]",
        "tests/machines/test_b.py::test_2",
        "tests/machines/test_c.py::test_1",
    ]


def test_what_is_repeated_brings_what_it_goes_on_from() -> None:
    """The test that failed, and those that made its server what it needs: of its Debian alone."""
    file = "tests/machines/test_zero.py"
    words = ("--collect-only", "-q", file, f"--again={file}::test_power_cut[debian13]")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words],
        cwd=run.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert [line for line in done.stdout.splitlines() if "::" in line] == [
        f"{file}::test_set_up[debian13]",
        f"{file}::test_live_on_https[debian13-notes]",
        f"{file}::test_live_on_https[debian13-polls]",
        f"{file}::test_power_cut[debian13]",
    ]


def test_a_repeat_has_an_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What takes too long is stopped like by Ctrl-C, tidies up, and has failed."""
    (tmp_path / "test_long.py").write_text(LONG)
    session = run.Session([str(tmp_path), "-p", "no:cacheprovider"])
    wait_until((tmp_path / "begun").exists)
    tally, _ = session.end(0.1)
    assert tally.failed >= 1
    assert (tmp_path / "tidied").exists()
    assert "stopped" in capsys.readouterr().out


def test_sum_is_one_plain_line() -> None:
    """The last line of a run, for people and for programs."""
    assert str(Tally(1, 0, 2) + Tally(3, 1, 0)) == "4 passed, 1 failed, 2 skipped"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["unit", "lint"], ["lint", "unit"]),
        (["unit", "-k", "lint", "-x"], ["unit"]),
        (["tests/unit/tools/test_run.py::test_x", "-x"], ["tests"]),
    ],
)
def test_parts_are_chosen_in_their_order(arguments: list[str], parts: list[str]) -> None:
    """Leading names are parts, the rest is pytest's; a path alone runs just that."""
    assert list(run.choose(arguments)) == parts


def test_everything_begins_with_what_is_fast() -> None:
    """Without arguments every part that has tests is run, lint and unit first."""
    assert list(run.choose([]))[:2] == ["lint", "unit"]
    assert list(run.choose(["all"])) == list(run.choose([]))


def test_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A typo does not pass as an empty run."""
    with pytest.raises(SystemExit) as caught:
        run.choose(["unti"])
    assert caught.value.code == 2
    assert "no part 'unti'" in capsys.readouterr().err


def test_failing_part_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1 and the last line has the failures of all parts."""
    chosen = {"one": lambda: Tally(2, 0, 0), "two": lambda: Tally(1, 1, 0)}
    monkeypatch.setattr(run, "choose", lambda arguments: chosen)
    assert run.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "3 passed, 1 failed, 0 skipped"


def test_areas_run_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """When the first of those that leave time is due all of them begin; each is counted once."""
    begun: list[tuple[str, bool]] = []
    monkeypatch.setattr(
        run.Area, "begin", lambda self, quiet=False: begun.append((self.name, quiet))
    )
    monkeypatch.setattr(run.Lint, "begin", lambda _, quiet=False: begun.append(("lint", quiet)))
    chosen = {name: run.Area(name, ()) for name in ("unit", "edge", "server", "compose")}
    run.begin_together({"lint": run.Lint(), **chosen}, "lint")
    assert dict(begun) == {"lint": False, "unit": True, "edge": True}
    begun.clear()
    run.begin_together(chosen, "server")
    assert dict(begun) == {"server": False, "compose": True}


def test_what_a_quiet_session_says_is_heard_at_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its words and its count, whatever it ended with."""
    (tmp_path / "test_one.py").write_text("def test_one():\n    assert 1 == 2\n")
    session = run.Session([str(tmp_path), "-p", "no:cacheprovider"], quiet=True)
    assert capsys.readouterr().out == ""
    tally, failed = session.end()
    assert (tally, len(failed)) == (Tally(0, 1, 0), 1)
    assert "assert 1 == 2" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("again", "total"),
    [(Tally(1), Tally(4)), (Tally(0, 1), Tally(3, 1)), (Tally(), Tally(3, 1))],
)
def test_few_failures_are_tried_alone(
    again: Tally, total: Tally, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What passes with the machine to itself has passed; what fails again has failed."""
    failed = ["tests/edge/test_line.py::test_order"]
    area, ends = run.Area("edge", ()), [(Tally(3, 1), failed), (again, [])]
    monkeypatch.setattr(run, "ensure_nginx", lambda: None)
    monkeypatch.setattr(run, "Session", lambda *_, **__: Ending(ends.pop(0)))
    first = area()
    assert area.may_repeat(first)
    assert not area.may_repeat(Tally(3, run.MOST_AGAIN + 1))
    assert area.again(first, 60.0) == total


@dataclass
class Ending:
    """A session that has ended."""

    ended: tuple[Tally, list[str]]

    def end(self, longest: float | None = None) -> tuple[Tally, list[str]]:
        return self.ended


def test_empty_run_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No test run is no success: pytest's own exit code for it is 5."""
    monkeypatch.setattr(run, "choose", lambda arguments: {"one": Tally})
    assert run.main([]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed, 0 skipped"


def test_real_part_that_is_there_is_used() -> None:
    """Nothing happens when the condition holds."""
    require(True, "nothing")


def test_missing_part_is_a_skip_on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says what to install."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs nginx"):
        require(None, "nginx")


def test_missing_part_is_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CI skips nobody sees."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs nginx"):
        require(None, "nginx")


def test_what_is_made_ahead_stands_back_and_ends() -> None:
    """It has the lowest priority until tests wait for it, and does not outlive the run."""
    with run.images_ahead(("sh", "-c", "sleep 100 & wait")) as group:
        wait_until(lambda: os.getpriority(os.PRIO_PGRP, group) == 19)
        run.hurry(group)
        wanted = 0 if os.geteuid() == 0 else 19
        assert os.getpriority(os.PRIO_PGRP, group) == wanted
    wait_until(lambda: not there(group))


def there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
