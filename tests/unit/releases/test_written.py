"""What an app has written into the release that serves is found, and becomes data that is kept."""

from __future__ import annotations

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.app import Persist, Static
from holdfast.releases.written import WHY, adopt, found, known, remember
from tests.unit.releases.tree import SHIPPED, SINCE, write


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A release as it was when it was made the current one."""
    place = tmp_path / "src"
    for name in (*SHIPPED, "collected/site.css"):
        write(place / name, "sent", at=SINCE - 10)
    return place


def look(source: Path) -> dict[str, Persist]:
    static = [Static("/static/", "collected"), Static("/s/", "static")]
    return dict(found(source, SINCE, SHIPPED, static))


def directory(path: str) -> Persist:
    return Persist(path, "directory", WHY)


def test_what_is_found(source: Path) -> None:
    """A directory of which nothing is sent as a whole, else the file; nothing that is made again,
    and nothing in its first state."""
    for name in (
        *("uploads/2026/a.txt", "static/users/ann.png", "static/plot.png", "seen.txt"),
        *("__pycache__/app.pyc", "cache/x", ".cache/y", "app.pid", "collected/CACHE/z.css"),
    ):
        write(source / name, "written")
    (source / "kept").symlink_to("/nowhere")
    assert look(source) == {
        "uploads/2026/a.txt": directory("uploads"),
        "static/users/ann.png": directory("static/users"),
        "static/plot.png": Persist("static/plot.png", "file", WHY),
        "seen.txt": Persist("seen.txt", "file", WHY),
    }


def test_what_is_left_is_named(source: Path) -> None:
    """A page or a style sheet beside the project's own is made again, most likely; in a directory
    of the app's own it is kept with all the rest."""
    for name in ("static/report.html", "static/x.css", "static/a.pyc", "uploads/page.html"):
        write(source / name, "written")
    left = list[str]()
    kept = dict(found(source, SINCE, SHIPPED, (), left.append))
    assert [*kept] == ["uploads/page.html"]
    assert sorted(left) == ["static/report.html", "static/x.css"]


def test_it_becomes_data(source: Path, tmp_path: Path) -> None:
    """At the same place; the app finds all of it where it was, and so it is the second time."""
    data = tmp_path / "data"
    write(source / "uploads/a.txt", "first")
    write(source / "static/plot.png", "plot")
    for _ in range(2):
        for path, item in look(source).items():
            adopt(path, item, source, data)
    assert look(source) == {}
    assert (source / "uploads").readlink() == data / "uploads"
    (source / "uploads/b.txt").write_text("second")
    assert {path.name for path in (data / "uploads").iterdir()} == {"a.txt", "b.txt"}
    assert (data / "static/plot.png").read_text() == (source / "static/plot.png").read_text()
    assert (source / "static/logo.png").read_text() == "sent"


def test_the_newest_counts(source: Path, tmp_path: Path) -> None:
    """An app that writes beside and renames puts a file where the link was: that is what it
    wrote last. What else is kept there stays."""
    data = tmp_path / "data"
    write(data / "seen.txt", "old")
    write(data / "uploads/old.txt", "old")
    write(source / "seen.txt", "new")
    write(source / "uploads/new.txt", "new")
    for path, item in look(source).items():
        adopt(path, item, source, data)
    assert (data / "seen.txt").read_text() == "new"
    assert {path.name for path in (data / "uploads").iterdir()} == {"new.txt", "old.txt"}


def test_a_database_that_is_open(source: Path, tmp_path: Path) -> None:
    """It goes on to be written to; what was written before and after is in the data."""
    path = source / "here.db"
    with sqlite3.connect(path) as rows:
        rows.execute("PRAGMA journal_mode = WAL")
        rows.execute("CREATE TABLE seen (what TEXT)")
        for name, item in look(source).items():
            adopt(name, item, source, tmp_path / "data")
        rows.execute("INSERT INTO seen VALUES ('after')")
        rows.commit()
    rows.close()
    again = sqlite3.connect(tmp_path / "data" / "here.db")
    assert again.execute("SELECT what FROM seen").fetchall() == [("after",)]
    again.close()


def test_it_is_remembered(tmp_path: Path) -> None:
    """For good; a damaged record is none."""
    record = tmp_path / "written.json"
    assert known(record) == ()
    remember(record, [directory("uploads")])
    assert known(record) == (directory("uploads"),)
    record.write_text("{")
    assert known(record) == ()


def test_what_is_taken_away_meanwhile(source: Path, tmp_path: Path) -> None:
    """The app goes on while it is looked at: a file that is gone again is nothing to keep."""
    write(source / "uploads/a.txt", "first")
    write(source / "seen.txt", "first")
    seen = look(source)
    for path in seen:
        (source / path).unlink()
    for path, item in seen.items():
        adopt(path, item, source, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_an_app_finds_its_folder_at_every_moment(source: Path, tmp_path: Path) -> None:
    """It is written to while it becomes data: nothing fails, and nothing is lost."""
    write(source / "uploads/first.txt", "first")
    over, sent = threading.Event(), list[str]()

    def send() -> None:
        while not over.is_set():
            sent.append(f"{len(sent)}.txt")
            (source / "uploads" / sent[-1]).write_text("more")

    writer = ThreadPoolExecutor(1).submit(send)
    time.sleep(0.02)
    adopt("uploads/first.txt", directory("uploads"), source, tmp_path / "data")
    time.sleep(0.02)
    over.set()
    writer.result()
    assert (source / "uploads").is_symlink()
    kept = {path.name for path in (tmp_path / "data" / "uploads").iterdir()}
    assert kept == {"first.txt", *sent}


def test_what_an_app_replaces_meanwhile_is_the_newest(source: Path, tmp_path: Path) -> None:
    """It writes beside and renames, again and again, while the file becomes data."""
    write(source / "seen.txt", "0")
    over, last = threading.Event(), ["0"]

    def write_on() -> None:
        while not over.is_set():
            last[0] = str(int(last[0]) + 1)
            (source / "beside").write_text(last[0])
            (source / "beside").replace(source / "seen.txt")

    item = Persist("seen.txt", "file", WHY)
    writer = ThreadPoolExecutor(1).submit(write_on)
    for _ in range(200):
        adopt("seen.txt", item, source, tmp_path / "data")
    over.set()
    writer.result()
    adopt("seen.txt", item, source, tmp_path / "data")
    assert (tmp_path / "data" / "seen.txt").read_text() == last[0]
    assert not list(source.glob(".seen*"))
