"""Files that are whole or not there: write beside, fsync, rename (rename(2) is atomic)."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any


def write_atomic(path: Path, data: bytes | str, *, mode: int = 0o644) -> None:
    """Replace ``path`` with ``data``; a reader sees the old file or the new, never half.

    Args:
        mode: permission bits, set before the file has its name.

    Raises:
        OSError: the disk is full or the directory is not ours; ``path`` is untouched.
    """
    payload = data.encode() if isinstance(data, str) else data
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(stream.fileno(), mode)
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames inside ``path`` survive a power cut (fsync(2) on the directory)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any, *, mode: int = 0o644) -> None:
    """:func:`write_atomic` of ``value`` as indented JSON."""
    write_atomic(path, json.dumps(value, indent=1, sort_keys=True) + "\n", mode=mode)


def symlink_atomic(target: str | Path, link: Path) -> None:
    """Make or move a symbolic link in one step; it survives a power cut."""
    beside = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    beside.symlink_to(target)
    try:
        beside.replace(link)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(link.parent)


def free_megabytes(path: Path) -> int:
    """What can still be written where ``path`` lies."""
    return shutil.disk_usage(path).free // 1_000_000


def is_full(error: BaseException, path: Path) -> bool:
    """Whether an error (``OSError`` or ``sqlite3.Error``) came of a disk without room at ``path``.

    SQLite says so plainly, or, where it could not enlarge a file that it maps, by an I/O
    error (https://www.sqlite.org/rescode.html).
    """
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    name = str(getattr(error, "sqlite_errorname", ""))
    return name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and not free_megabytes(path))
