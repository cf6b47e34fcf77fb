"""Files that are whole or not there: write beside, fsync, rename (rename(2) is atomic)."""

from __future__ import annotations

import errno
import json
import os
import pwd
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError

_REFUSED = (errno.EACCES, errno.EPERM)

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of renameat2(2)."""


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


def symlink_atomic(target: str | Path, link: Path, *, made: float | None = None) -> None:
    """Make or move a symbolic link in one step; it survives a power cut.

    Args:
        made: Unix time that it is to bear; ``None`` for now.
    """
    beside = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    beside.symlink_to(target)
    try:
        if made is not None:
            os.utime(beside, (made, made), follow_symlinks=False)
        beside.replace(link)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    sync_directory(link.parent)


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places, in one step; ``False``: this system cannot, nothing was done.

    Raises:
        OSError: one of them is not there, or is not ours.
    """
    import ctypes  # 10 ms that most commands need not pay

    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))


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


def refused(error: OSError, root: Path) -> HoldfastError | None:
    """What the system said of a file, as an error for whoever can mend that.

    Args:
        root: Holdfast's own directory, which can be another one.

    Returns:
        ``None`` where the error names no file: then the system has refused us something else.
    """
    if not isinstance(error.filename, str | bytes | Path):
        return None
    path = Path(os.fsdecode(error.filename))
    hint = {
        errno.ENOSPC: "the disk is full; make room",
        errno.EDQUOT: "the quota of this user is used up; make room",
        errno.EROFS: "its file system is mounted for reading alone",
    }.get(error.errno or 0)
    if error.errno in _REFUSED:
        hint = whose(path, root)
    return HoldfastError(f"{path}: {(error.strerror or str(error)).lower()}", hint=hint)


def whose(path: Path, root: Path) -> str | None:
    """Why we may not use a file: the first on the way to it that is another's, and the way out.

    Args:
        root: Holdfast's own directory, which can be another one.
    """
    for place in (path, *path.parents):
        try:
            known = place.stat()
        except OSError:
            continue
        wanted = os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0)
        if os.access(place, wanted):
            continue
        owner, ours = _user(known.st_uid), _user(os.geteuid())
        if owner == ours:
            return f"{place} belongs to {ours}, and its mode {known.st_mode & 0o7777:o} forbids it"
        elsewhere = path == root or root in path.parents
        return f"{place} belongs to {owner}, and this runs as {ours}: run it as {owner}" + (
            ", or with HOLDFAST_ROOT=DIRECTORY in one of your own" if elsewhere else ""
        )
    return None


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
