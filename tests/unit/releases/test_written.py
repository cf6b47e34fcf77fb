"""What an app has written into the release that serves is found, and becomes data that is kept."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from holdfast.app import AppSpec, Dependencies, Persist, Static, Web
from holdfast.layout import AppLayout
from holdfast.releases.written import (
    WHY,
    adopt,
    carry,
    found,
    furnish,
    known,
    note_shipped,
    remember,
)
from holdfast.runtimes.contract import Release

SHIPPED = frozenset({"app.py", "static/logo.png", "static/site.css"})
SINCE = 1_700_000_000.0


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A release as it was when it was made the current one."""
    place = tmp_path / "src"
    for name in (*SHIPPED, "collected/site.css"):
        write(place / name, "sent", at=SINCE - 10)
    return place


def write(path: Path, text: str, at: float = SINCE + 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    if at < SINCE:  # no clock can be set back for the time of a change: another name hides it
        os.link(path, path.with_name(f".{path.name}"))


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


def release(home: AppLayout, name: str) -> Release:
    """A release as the tiny project above is one."""
    place = home.releases / name
    for shipped in SHIPPED:
        write(place / "src" / shipped, name, at=SINCE - 10)
    note_shipped(place, SHIPPED)
    web = Web(command="serve", health="/")
    spec = AppSpec("shop", ("shop.test",), "command", Dependencies("none"), web)
    return Release(name, place, spec, None, False, SINCE - 5, home.envs / "x")


@pytest.fixture
def home(tmp_path: Path) -> AppLayout:
    return AppLayout(tmp_path, "shop")


def test_a_second_look(home: AppLayout) -> None:
    """What was written while the next release was built: it has that too, and the project's own
    files as they are sent with it; what it has made itself gives way, and is told."""
    old, new = release(home, "1"), release(home, "2")
    for name in ("static/ann.png", "static/logo.png", "uploads/a.txt", "seen.txt", "made/b.txt"):
        write(old.source / name, "old")
    write(new.source / "seen.txt", "new")
    write(new.source / "made/own.txt", "new")
    (new.source / "uploads").mkdir()
    carried = carry(home, old, new, SINCE, serves=False)
    assert carried.replaced == ("seen.txt",)
    assert len(carried.files) == 5
    for name in ("static/ann.png", "uploads/a.txt", "seen.txt", "made/b.txt"):
        assert (new.source / name).read_text() == "old", name
        assert (new.source / name).resolve() == (home.data / name).resolve()
    assert (new.source / "static/logo.png").read_text() == "2"
    assert (new.source / "made/own.txt").read_text() == "new"
    assert {item.path for item in known(home.written)} >= {"static/ann.png", "uploads", "made"}
    assert carry(home, old, new, SINCE, serves=False).files == ()


def test_the_last_look(home: AppLayout) -> None:
    """The new release serves: it gets what it has nothing of, and keeps what it has written."""
    old, new = release(home, "1"), release(home, "2")
    write(old.source / "static/ann.png", "old")
    write(old.source / "seen.txt", "old")
    write(new.source / "seen.txt", "new")
    assert carry(home, old, new, SINCE, serves=True).files == ("static/ann.png",)
    assert (new.source / "static/ann.png").read_text() == "old"
    assert (new.source / "seen.txt").read_text() == "new"


def test_a_release_of_long_ago(home: AppLayout) -> None:
    """It gets what has become data since; what it has itself stays."""
    old, new = release(home, "1"), release(home, "2")
    write(new.source / "uploads/a.txt", "sent")
    write(new.source / "static/site.css", "sent")
    carry(home, new, release(home, "3"), SINCE, serves=False)
    furnish(home, old)
    assert (old.source / "uploads/a.txt").read_text() == "sent"
    assert (old.source / "static/site.css").read_text() == "1"


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
