"""Log files with times, across rotations."""

from __future__ import annotations

from pathlib import Path

from holdfast.runtimes import logs
from holdfast.runtimes.contract import LogLine


def stamped(second: float, text: str) -> str:
    return f"2026-11-23T09:00:{second:06.3f}Z {text}\n"


def test_a_line(tmp_path: Path) -> None:
    line = logs.parse("web", stamped(1.5, "GET / 200").encode())
    assert line == LogLine("web", "GET / 200", 1795424401.5)
    assert logs.parse("web", b"torn") == LogLine("web", "torn", None)
    assert logs.parse("web", stamped(1, "").encode()).line == ""
    assert logs.parse("web", b"2026-13-99T09:00:01.500Z x").at is None


def test_files_are_read_from_the_oldest_and_merged_by_time(tmp_path: Path) -> None:
    web, worker = tmp_path / "web.log", tmp_path / "worker.log"
    (tmp_path / "web.log.2").write_text(stamped(1, "one"))
    (tmp_path / "web.log.1").write_text(stamped(3, "three"))
    web.write_text(stamped(5, "five") + stamped(6, "six"))
    worker.write_text(stamped(2, "two") + stamped(4, "four"))
    files = {"web": web, "worker": worker}
    assert [line.line for line in logs.read(files, None)] == [
        "one", "two", "three", "four", "five", "six"
    ]  # fmt: skip
    since = logs.parse("web", stamped(4, "").encode()).at
    assert [line.line for line in logs.read(files, since)] == ["four", "five", "six"]
    assert list(logs.read({"none": tmp_path / "none.log"}, None)) == []


def test_the_tail_reaches_into_the_older_file(tmp_path: Path) -> None:
    file = tmp_path / "web.log"
    (tmp_path / "web.log.1").write_text(stamped(1, "one") + stamped(2, "two"))
    file.write_text(stamped(3, "three"))
    assert logs.tail(file, 2) == "two\nthree"
    assert logs.tail(file, 1) == "three"
    assert logs.tail(tmp_path / "none.log", 5) == ""


def test_following_through_several_rotations_between_two_looks(tmp_path: Path) -> None:
    """A very fast writer rotates twice while nobody reads: no line is lost or doubled."""
    file = tmp_path / "web.log"
    file.write_text(stamped(1, "one"))
    following = logs.follow(lambda: {"web": file}, None)
    assert next(following).line == "one"
    with file.open("a") as stream:
        stream.write(stamped(2, "two"))
    file.rename(tmp_path / "web.log.1")
    file.write_text(stamped(3, "three"))
    (tmp_path / "web.log.1").rename(tmp_path / "web.log.2")
    file.rename(tmp_path / "web.log.1")
    file.write_text(stamped(4, "four"))
    assert [next(following).line for _ in range(3)] == ["two", "three", "four"]


def test_half_a_line_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "web.log"
    file.write_text(stamped(1, "one") + "2026-11-23T09:00:02.000Z tw")
    following = logs.follow(lambda: {"web": file}, None)
    assert next(following).line == "one"
    with file.open("a") as stream:
        stream.write("o\n")
    assert next(following).line == "two"
