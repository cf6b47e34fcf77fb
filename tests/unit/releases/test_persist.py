"""Persistent paths: nothing that was kept is ever lost, changed or shadowed silently."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from holdfast.app import Persist
from holdfast.errors import BuildError
from holdfast.releases import persist


class Home:
    """An app's data directory and one release after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"
        self.data.mkdir()
        self.notes: list[str] = []
        self.count = 0

    def release(self, *paths: str, files: dict[str, str] | None = None, built: str = "") -> Path:
        """The source of a new release with persistent ``paths`` (a slash: directory).

        ``files`` came in the archive; ``built`` was made by the build itself.
        """
        self.count += 1
        source = self.path / f"release-{self.count}"
        source.mkdir()
        for name, text in (files or {}).items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(text)
        if built:
            (source / built).parent.mkdir(parents=True, exist_ok=True)
            (source / built).write_text("made by the build")
        items = [
            Persist(path.rstrip("/"), "directory" if path.endswith("/") else "file", "a test")
            for path in paths
        ]
        persist.link(items, source, self.data, frozenset(files or {}), self.notes.append)
        return source

    def kept(self) -> dict[str, str]:
        return {
            str(path.relative_to(self.data)): path.read_text()
            for path in sorted(self.data.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_what_the_app_writes_is_there_in_the_next_release(home: Home) -> None:
    first = home.release("uploads/", "db.sqlite3")
    (first / "uploads" / "a.txt").write_text("from a visitor")
    (first / "db.sqlite3").write_text("rows")
    second = home.release("uploads/", "db.sqlite3")
    assert (second / "uploads" / "a.txt").read_text() == "from a visitor"
    assert (second / "db.sqlite3").read_text() == "rows"
    (second / "uploads" / "b.txt").write_text("new")
    assert (first / "uploads" / "b.txt").read_text() == "new"


def test_a_tracked_directory_is_copied_once_and_said(home: Home) -> None:
    """The first deploy takes what git has; from then on what is kept wins."""
    files = {"media/logo.png": "one", "media/deep/er/x": "two", "app.py": "code"}
    first = home.release("media/", files=files)
    assert home.kept() == {"media/deep/er/x": "two", "media/logo.png": "one"}
    assert any("media" in note and "own data" in note for note in home.notes)
    (first / "media" / "logo.png").write_text("changed by a visitor")
    home.notes.clear()
    home.release("media/", files={**files, "media/new.png": "three"})
    assert home.kept()["media/logo.png"] == "changed by a visitor"
    assert "media/new.png" not in home.kept()
    assert any("media/new.png" in note and "not used" in note for note in home.notes)
    assert any("media/logo.png" in note for note in home.notes)


def test_a_tracked_file_is_copied_once(home: Home) -> None:
    home.release("db.sqlite3", files={"db.sqlite3": "seed", "db.sqlite3-wal": "log"})
    assert home.kept() == {"db.sqlite3": "seed", "db.sqlite3-wal": "log"}
    (home.data / "db.sqlite3").write_text("rows of visitors")
    (home.data / "db.sqlite3-wal").unlink()
    home.release("db.sqlite3", files={"db.sqlite3": "seed", "db.sqlite3-wal": "log"})
    assert home.kept() == {"db.sqlite3": "rows of visitors"}


def test_what_only_the_build_made_is_no_data(home: Home) -> None:
    """A database that importing the app created in the new source is thrown away, not kept."""
    source = home.release("instance/", built="instance/app.db")
    assert home.kept() == {}
    assert (source / "instance").is_symlink()
    home.release("db.sqlite3", built="db.sqlite3")
    assert not (home.data / "db.sqlite3").exists()


def test_nothing_is_noted_when_the_source_has_what_is_kept(home: Home) -> None:
    home.release("media/", files={"media/a": "same"})
    home.notes.clear()
    home.release("media/", files={"media/a": "same"})
    assert home.notes == []


def test_a_path_that_is_no_longer_named_stays(home: Home) -> None:
    first = home.release("uploads/")
    (first / "uploads" / "a").write_text("x")
    home.release()
    assert home.kept() == {"uploads/a": "x"}
    assert (home.release("uploads/") / "uploads" / "a").read_text() == "x"


def test_a_path_inside_another(home: Home) -> None:
    """The outer directory's link covers the inner path, whichever is named first."""
    files = {"var/db/app.db": "seed", "var/readme": "r"}
    source = home.release("var/db/app.db", "var/", files=files)
    assert (source / "var").is_symlink()
    assert not (home.data / "var" / "db").is_symlink()
    assert not (home.data / "var" / "db" / "app.db").is_symlink()
    assert home.kept() == {"var/db/app.db": "seed", "var/readme": "r"}


def test_an_inner_path_named_later_is_seeded_into_what_is_kept(home: Home) -> None:
    home.release("var/")
    home.release("var/", "var/cache/", "var/app.db", files={"var/app.db": "seed"})
    assert home.kept() == {"var/app.db": "seed"}
    assert (home.data / "var" / "cache").is_dir()


def test_from_a_file_to_the_directory_around_it_and_back(home: Home) -> None:
    """Naming the directory instead of the file keeps the file where it is."""
    first = home.release("instance/app.db", files={"instance/config.py": "c"})
    (first / "instance" / "app.db").write_text("rows")
    second = home.release("instance/")
    assert (second / "instance" / "app.db").read_text() == "rows"
    third = home.release("instance/app.db", files={"instance/config.py": "c"})
    assert (third / "instance" / "app.db").read_text() == "rows"
    assert (third / "instance" / "config.py").read_text() == "c"


@pytest.mark.parametrize(
    ("before", "after"),
    [("uploads/", "uploads"), ("uploads", "uploads/"), ("a", "a/b"), ("a/b", "a")],
)
def test_another_kind_is_an_error_and_no_loss(home: Home, before: str, after: str) -> None:
    source = home.release(before)
    written = source / before / "x" if before.endswith("/") else source / before
    written.write_text("precious")
    kept = home.kept()
    with pytest.raises(BuildError, match="is a"):
        home.release(after)
    assert home.kept() == kept
    assert written.read_text() == "precious"


@pytest.mark.parametrize(
    ("path", "files"),
    [("data", {"data/x": "1"}), ("data/", {"data": "1"}), ("data/x/", {"data": "1"})],
)
def test_a_source_of_another_kind_is_an_error(home: Home, path: str, files: dict[str, str]) -> None:
    with pytest.raises(BuildError):
        home.release(path, files=files)
    assert home.kept() == {}


@pytest.mark.parametrize("path", ["../other", "/etc", ".", "a/../../b"])
def test_a_path_out_of_the_app_is_an_error(home: Home, path: str) -> None:
    with pytest.raises(BuildError, match="does not lie inside"):
        home.release(path)


def test_a_link_in_the_source_leads_nowhere_else(home: Home, tmp_path: Path) -> None:
    """A directory that is a link out of the release is not written through."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "db").write_text("not ours")
    source = home.path / "odd"
    source.mkdir()
    (source / "var").symlink_to(outside)
    with pytest.raises(BuildError, match="through a link"):
        persist.link([Persist("var/db", "file", "t")], source, home.data, frozenset(), print)
    assert (outside / "db").read_text() == "not ours"


def test_a_link_of_the_developer_is_replaced(home: Home) -> None:
    source = home.path / "odd"
    source.mkdir()
    (source / "real").write_text("x")
    (source / "media").symlink_to("real")
    shipped = frozenset({"media", "real"})
    persist.link([Persist("media", "directory", "t")], source, home.data, shipped, print)
    assert (source / "media").readlink() == home.data / "media"
    assert (source / "real").read_text() == "x"
    assert home.kept() == {}


def test_data_on_another_disk_stays_linked(home: Home, tmp_path: Path) -> None:
    """An administrator may have put a link to a larger disk into the data directory."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (disk / "a").write_text("x")
    (home.data / "uploads").symlink_to(disk)
    source = home.release("uploads/", files={"uploads/seed": "s"})
    assert (source / "uploads" / "a").read_text() == "x"
    assert (home.data / "uploads").readlink() == disk
    assert not (disk / "seed").exists()


def test_an_error_leaves_all_as_it_was(home: Home) -> None:
    """All paths are looked at before the first is touched."""
    home.release("b/")
    with pytest.raises(BuildError):
        home.release("a/", "b", files={"a/x": "1"})
    assert not (home.data / "a").exists()


def test_copies_of_a_killed_build_are_swept(home: Home) -> None:
    half = home.data / "deep" / f"{persist.SEED}abc"
    half.mkdir(parents=True)
    (half / "x").write_text("half")
    (home.data / "deep" / "mine").write_text("precious")
    persist.sweep(home.data)
    assert home.kept() == {"deep/mine": "precious"}
    assert not half.exists()


def test_executable_bits_and_links_are_kept_in_a_seed(home: Home) -> None:
    source = home.path / "odd"
    (source / "hooks").mkdir(parents=True)
    (source / "hooks" / "run").write_text("#!/bin/sh\n")
    (source / "hooks" / "run").chmod(0o755)
    items = [Persist("hooks", "directory", "t")]
    persist.link(items, source, home.data, frozenset({"hooks/run"}), print)
    assert os.access(home.data / "hooks" / "run", os.X_OK)


# ── SQLite ───────────────────────────────────────────────────────────────────────────


def test_sqlite_makes_its_file_behind_a_link_that_leads_nowhere(home: Home) -> None:
    """The first deploy has no database yet: SQLite creates it in the data directory."""
    source = home.release("db.sqlite3")
    with sqlite3.connect(source / "db.sqlite3") as database:
        database.execute("create table t (x)")
        database.execute("insert into t values (1)")
    database.close()
    assert (source / "db.sqlite3").is_symlink()
    assert (home.data / "db.sqlite3").stat().st_size > 0


def test_sqlite_keeps_its_log_beside_the_real_file(home: Home) -> None:
    """In WAL mode the log is data too: it must not lie in a release that will be pruned."""
    first = home.release("var/db.sqlite3")
    database = sqlite3.connect(first / "var" / "db.sqlite3")
    database.execute("pragma journal_mode=wal")
    database.execute("create table t (x)")
    database.execute("insert into t values (1)")
    database.commit()
    assert (home.data / "var" / "db.sqlite3-wal").stat().st_size > 0
    assert not (first / "var" / "db.sqlite3-wal").exists()
    second = home.release("var/db.sqlite3")
    other = sqlite3.connect(second / "var" / "db.sqlite3")
    assert other.execute("select x from t").fetchall() == [(1,)]
    other.execute("insert into t values (2)")
    other.commit()
    assert database.execute("select count(*) from t").fetchone() == (2,)
    for open_one in (database, other):
        open_one.close()


def test_sqlite_rolls_back_with_a_journal_beside_the_real_file(home: Home) -> None:
    source = home.release("db.sqlite3")
    database = sqlite3.connect(source / "db.sqlite3")
    database.execute("pragma journal_mode=delete")
    database.execute("create table t (x)")
    database.commit()
    database.execute("insert into t values (1)")
    assert (home.data / "db.sqlite3-journal").exists()
    assert not (source / "db.sqlite3-journal").is_symlink()
    database.rollback()
    database.close()
