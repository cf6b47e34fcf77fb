"""Snapshots: a failed migration is undone exactly, and no file is ever lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.deploy import snapshot
from holdfast.errors import DeployFailed
from holdfast.layout import AppLayout


@pytest.fixture
def layout(tmp_path: Path) -> AppLayout:
    app = AppLayout(tmp_path, "notes")
    app.make()
    return app


def fill(path: Path, *values: str, wal: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        if wal:
            database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE IF NOT EXISTS notes (title)")
        database.executemany("INSERT INTO notes VALUES (?)", [(value,) for value in values])
        database.commit()


def titles(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute("SELECT title FROM notes ORDER BY rowid")]


def test_databases_are_known_by_their_content(layout: AppLayout) -> None:
    """Not by their ending; other files, links and empty files are none."""
    fill(layout.data / "instance" / "store.bin", "x")
    (layout.data / "looks.sqlite3").write_text("hello")
    (layout.data / "empty.db").touch()
    (layout.data / "link.db").symlink_to(layout.data / "instance" / "store.bin")
    assert snapshot.databases(layout.data) == [layout.data / "instance" / "store.bin"]


def test_what_a_full_disk_cut_short_is_no_database(layout: AppLayout) -> None:
    """Half a copy that was on its way back does not fail the next deploy's snapshot, and goes."""
    path = layout.data / "db.sqlite3"
    fill(path, "one")
    scrap = layout.data / ".db.sqlite3.restored"
    scrap.write_bytes(path.read_bytes()[:100])
    assert snapshot.databases(layout.data) == [path]
    snapshot.take(layout, "d1")
    snapshot.restore(layout, "d1")
    assert titles(path) == ["one"]
    assert not scrap.exists()


@pytest.mark.parametrize("wal", [False, True])
def test_restore_brings_back_what_was_there(layout: AppLayout, wal: bool) -> None:
    """Also when the newest rows are still in the write-ahead log."""
    path = layout.data / "db.sqlite3"
    fill(path, "one", wal=wal)
    with closing(sqlite3.connect(path)) as reader:
        # An open reader keeps SQLite from folding the log into the file.
        reader.execute("SELECT * FROM notes").fetchone()
        fill(path, "two")
        assert snapshot.take(layout, "d1").startswith("1 database, ")
    fill(path, "written by a migration")
    snapshot.restore(layout, "d1")
    assert titles(path) == ["one", "two"]


def test_restore_can_be_run_twice(layout: AppLayout) -> None:
    """Recovery may be killed in the middle of it."""
    path = layout.data / "db.sqlite3"
    fill(path, "one")
    snapshot.take(layout, "d1")
    fill(path, "two")
    snapshot.restore(layout, "d1")
    snapshot.restore(layout, "d1")
    assert titles(path) == ["one"]


def test_take_twice_keeps_the_first_copy(layout: AppLayout) -> None:
    """A step that runs again must not copy what the migration has already changed."""
    path = layout.data / "db.sqlite3"
    fill(path, "one")
    snapshot.take(layout, "d1")
    fill(path, "two")
    snapshot.take(layout, "d1")
    snapshot.restore(layout, "d1")
    assert titles(path) == ["one"]


def test_what_is_replaced_is_kept(layout: AppLayout) -> None:
    """The changed database, and one that did not exist before, lie beside the snapshot."""
    fill(layout.data / "db.sqlite3", "one")
    snapshot.take(layout, "d1")
    fill(layout.data / "db.sqlite3", "two")
    fill(layout.data / "new" / "other.sqlite3", "three")
    snapshot.restore(layout, "d1")
    replaced = layout.snapshots / "d1" / "replaced"
    assert titles(replaced / "db.sqlite3") == ["one", "two"]
    assert titles(replaced / "new" / "other.sqlite3") == ["three"]
    assert not (layout.data / "new" / "other.sqlite3").exists()


def test_no_snapshot_no_change(layout: AppLayout) -> None:
    """A deploy that died before its snapshot was whole has not migrated either."""
    fill(layout.data / "db.sqlite3", "one")
    (layout.snapshots / "d1").mkdir()
    snapshot.restore(layout, "d1")
    assert titles(layout.data / "db.sqlite3") == ["one"]


def test_files_beside_databases_stay(layout: AppLayout) -> None:
    """Uploads are not part of a snapshot, and restoring does not touch them."""
    upload = layout.data / "uploads" / "photo.jpg"
    upload.parent.mkdir()
    upload.write_bytes(b"jpeg")
    fill(layout.data / "db.sqlite3", "one")
    snapshot.take(layout, "d1")
    upload.write_bytes(b"newer")
    snapshot.restore(layout, "d1")
    assert upload.read_bytes() == b"newer"


def test_a_damaged_database_stops_the_deploy(layout: AppLayout) -> None:
    """Better no migration than one that cannot be undone."""
    path = layout.data / "db.sqlite3"
    fill(path, *("row" * 50 for _ in range(500)))
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(bytes(content[:6000]))
    with pytest.raises(DeployFailed, match="db.sqlite3: no snapshot can be made"):
        snapshot.take(layout, "d1")


def test_prune_keeps_what_is_named(layout: AppLayout) -> None:
    """The snapshots of the newest deploys."""
    for deploy in ("d1", "d2"):
        snapshot.take(layout, deploy)
    snapshot.prune(layout, frozenset({"d2"}))
    assert [path.name for path in layout.snapshots.iterdir()] == ["d2"]
