"""Copies of an app's SQLite databases, made and put back while nobody writes.

A snapshot of a deploy lies in ``snapshots/DEPLOY/``, with ``manifest.json`` written last.
Copies are made by SQLite's own backup API, so that a write-ahead log is part of them
(https://www.sqlite.org/backup.html). Putting one back never deletes a file: what stood
there goes to ``snapshots/DEPLOY/replaced/``.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from holdfast.errors import DeployFailed
from holdfast.files import sync_directory, write_json
from holdfast.layout import AppLayout

_MAGIC = b"SQLite format 3\0"  # https://www.sqlite.org/fileformat.html#magic_header_string
_COMPANIONS = ("-wal", "-shm", "-journal")
_BESIDE = ".restored"
"""Ends the name of a copy that is on its way back; one that is left was cut short (a full disk)."""


def databases(data: Path) -> list[Path]:
    """The SQLite files below ``data``, sorted; known by their first bytes."""
    return sorted(path for path in _files(data) if not _is_scrap(path) and _is_database(path))


def take(layout: AppLayout, deploy: str) -> str:
    """Copy every database of the app; done twice, the first whole copy stays.

    Returns:
        a note: how many databases and bytes.

    Raises:
        DeployFailed: no room, or a database that cannot be read.
    """
    home = layout.snapshots / deploy
    manifest = home / "manifest.json"
    if manifest.exists():
        return "taken before"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, mode=0o700)
    found = databases(layout.data)
    total = sum(path.stat().st_size for path in found)
    free = shutil.disk_usage(home).free
    if free < total * 1.1:
        raise DeployFailed(
            f"no room for a snapshot: {total >> 20} MB of databases, {free >> 20} MB free",
            hint=f"make room on the disk of {layout.root}",
        )
    names = [str(path.relative_to(layout.data)) for path in found]
    for name in names:
        _copy(layout.data / name, home / "data" / name)
    write_json(manifest, {"databases": names}, mode=0o600)
    return f"{len(names)} database{'' if len(names) == 1 else 's'}, {total >> 10} kB"


def restore(layout: AppLayout, deploy: str) -> None:
    """Put every database back as it was; nothing happens if no snapshot was completed.

    A database that did not exist then is moved out of the way, not deleted.
    """
    home = layout.snapshots / deploy
    try:
        names = json.loads((home / "manifest.json").read_text())["databases"]
    except FileNotFoundError:
        return
    replaced = home / "replaced"
    for path in databases(layout.data):
        name = str(path.relative_to(layout.data))
        if name not in names:
            _move_away(path, replaced / name)
    for name in names:
        _put_back(home / "data" / name, layout.data / name, replaced / name)


def prune(layout: AppLayout, keep: frozenset[str]) -> None:
    """Remove the snapshots of all deploys but ``keep``."""
    if layout.snapshots.is_dir():
        for home in layout.snapshots.iterdir():
            if home.name not in keep:
                shutil.rmtree(home, ignore_errors=True)


def _files(data: Path) -> Iterator[Path]:
    for directory, _, names in os.walk(data):
        yield from (Path(directory) / name for name in names)


def _is_scrap(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(_BESIDE)


def _is_database(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def _copy(source: Path, copy: Path) -> None:
    copy.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(source, timeout=10)) as database,
            closing(sqlite3.connect(copy)) as beside,
        ):
            database.backup(beside)
    except sqlite3.Error as error:
        raise DeployFailed(
            f"{source.name}: no snapshot can be made: {error}",
            hint="is the file damaged, or does another program keep it locked?",
        ) from error
    shutil.copystat(source, copy)
    _keep_owner(source, copy)
    _sync(copy)
    sync_directory(copy.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _put_back(copy: Path, place: Path, replaced: Path) -> None:
    """Copy beside, move the changed one away with its log, rename into place."""
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = place.with_name(f".{place.name}{_BESIDE}")
    try:
        shutil.copy2(copy, beside)
        _keep_owner(copy, beside)
        _sync(beside)
        if place.exists():
            _move_away(place, replaced)
        beside.replace(place)
    finally:
        beside.unlink(missing_ok=True)
    sync_directory(place.parent)


def _move_away(path: Path, to: Path) -> None:
    """Move a database and its log; the log first, so that no log is left beside another file."""
    to.parent.mkdir(parents=True, exist_ok=True)
    for ending in (*_COMPANIONS, ""):
        source = path.with_name(path.name + ending)
        if source.exists():
            shutil.move(source, to.with_name(to.name + ending))


def _keep_owner(source: Path, copy: Path) -> None:
    owner = source.stat()
    if os.geteuid() == 0:
        os.chown(copy, owner.st_uid, owner.st_gid)
