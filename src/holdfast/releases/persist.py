"""Paths that outlive releases: kept in ``data/``, linked into every release.

Nothing below ``data/`` is ever deleted, moved or written over here. What is there wins;
what only the source has (a file that git tracks) is copied there once. A path that was a
directory and is to be a file, or the other way round, is an error for a person to solve.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import Path, PurePosixPath

from holdfast.app import Persist
from holdfast.errors import BuildError
from holdfast.files import sync_directory

SEED = ".holdfast-seed."
"""How copies that are not whole yet are called; a left-over is removed by :func:`sweep`."""

_SQLITE_BESIDE = ("-wal", "-journal")


def link(
    persist: Sequence[Persist],
    source: Path,
    data: Path,
    shipped: frozenset[str],
    note: Callable[[str], None],
) -> None:
    """Make every persistent path of a release lead to ``data``.

    All is checked before anything is changed, then the data is made whole, and the links
    come last.

    Args:
        source: the release's own source, not serving yet.
        shipped: what came in the archive. Only that is worth keeping: anything else in
            ``source`` was made by the build itself.
        note: told what was copied, and what the source has that is not used.

    Raises:
        BuildError: a path leads elsewhere, or is another kind of thing than it was.
    """
    ordered = sorted({item.path: item for item in persist}.values(), key=_depth)
    seen = set[PurePosixPath]()
    for item in ordered:
        _check(item, source, data, seen)
    whole = {item.path for item in ordered if item.kind == "directory"}
    tops = [item for item in ordered if not _inside(item, whole)]
    for item in ordered:
        _keep(item, source, data, shipped, note)
    for item in tops:
        _replace(source / item.path, data / item.path)


def directories(names: Iterable[str]) -> frozenset[str]:
    """Those in which one of the files lies, at any depth."""
    nearest = {name.rpartition("/")[0] for name in names}
    every = {str(above) for name in nearest for above in (Path(name), *Path(name).parents)}
    return frozenset(every - {"."})


def sweep(data: Path) -> None:
    """Remove copies that a killed build left half made; nobody may be building."""
    for path in data.rglob(f"{SEED}*"):
        shutil.rmtree(path, ignore_errors=True)


def _depth(item: Persist) -> tuple[int, str]:
    return len(PurePosixPath(item.path).parts), item.path


def _inside(item: Persist, directories: Set[str]) -> bool:
    return any(str(parent) in directories for parent in PurePosixPath(item.path).parents)


def _check(item: Persist, source: Path, data: Path, seen: set[PurePosixPath]) -> None:
    """See that it can be linked; ``seen``: directories in which one was seen to be all right."""
    path = PurePosixPath(item.path)
    if path.is_absolute() or ".." in path.parts or path == PurePosixPath():
        raise BuildError(
            f"persistent path {item.path!r} does not lie inside of the app ({item.why})",
            hint="write it relative to the app's folder: [persist] paths",
        )
    if path.parent not in seen:
        _check_above(item, source, data)
        seen.add(path.parent)
    _check_kind(item, source, data)


def _check_above(item: Persist, source: Path, data: Path) -> None:
    for parent in list(PurePosixPath(item.path).parents)[:-1]:
        if _exists(source / parent) and not (source / parent).is_dir():
            raise BuildError(
                f"persistent path {item.path!r} lies in {str(parent)!r}, "
                "which is a file in the source"
            )
        if _exists(data / parent) and not (data / parent).is_dir():
            raise _changed(item, data / parent, "a file")
    _check_inside(item, source)


def _check_inside(item: Persist, source: Path) -> None:
    """No link in the source may lead us to change something outside of it."""
    if not (source / item.path).parent.resolve().is_relative_to(source.resolve()):
        raise BuildError(
            f"persistent path {item.path!r} leads out of the app through a link",
            hint="name the path itself in [persist] paths",
        )


def _check_kind(item: Persist, source: Path, data: Path) -> None:
    kept, ours = data / item.path, source / item.path
    wrong = "a file" if item.kind == "directory" else "a directory"
    if kept.exists() and kept.is_dir() != (item.kind == "directory"):
        raise _changed(item, kept, wrong)
    if _exists(ours) and not ours.is_symlink() and ours.is_dir() != (item.kind == "directory"):
        raise BuildError(
            f"persistent path {item.path!r} is meant as a {item.kind} and is {wrong} in the source",
            hint=f'write "{item.path}/" in [persist] paths for a directory'
            if item.kind == "file"
            else "a name without a suffix means a directory: give the file one, or keep the "
            "directory it is in",
        )


def _changed(item: Persist, kept: Path, was: str) -> BuildError:
    return BuildError(
        f"persistent path {item.path!r} is meant as a {item.kind}, and {kept} is {was}",
        hint="nothing was changed; move it away by hand if it is not needed any more, "
        "or correct [persist] paths",
    )


def _keep(
    item: Persist,
    source: Path,
    data: Path,
    shipped: frozenset[str],
    note: Callable[[str], None],
) -> None:
    """Make sure that ``data`` has the path, from the source if it never had."""
    kept = data / item.path
    names = _shipped_at(item, shipped)
    names = [name for name in names if not (source / name).is_symlink()]
    if _exists(kept):
        if names:
            _note_unused(item, names, source, data, note)
        return
    _make(kept.parent, data)
    if item.kind == "directory":
        _seed_directory(kept, item, names, source)
    elif names:
        for beside in _SQLITE_BESIDE:
            extra = f"{item.path}{beside}"
            if extra in shipped and not _exists(data / extra):
                _copy_file(source / extra, data / extra)
        _copy_file(source / item.path, kept)
    if names:
        note(
            f"{item.path} of the source is now the app's own data, kept from release to release: "
            f"{kept}"
        )


def _shipped_at(item: Persist, shipped: frozenset[str]) -> list[str]:
    if item.path in shipped:
        return [item.path]
    if item.kind == "file":
        return []
    return sorted(name for name in shipped if name.startswith(f"{item.path}/"))


def _note_unused(
    item: Persist, names: Sequence[str], source: Path, data: Path, note: Callable[[str], None]
) -> None:
    """Say which shipped files nobody will see, because what is kept is used instead."""
    hidden = [name for name in names if not _same(source / name, data / name)]
    if hidden:
        note(
            f"{item.path} is kept from earlier releases; what the source has there is not used: "
            f"{some(hidden)}"
        )


def some(names: Sequence[str]) -> str:
    """The first three, and how many more."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _same(one: Path, other: Path) -> bool:
    try:
        first, second = one.stat(), other.stat()
        return first.st_size == second.st_size and one.read_bytes() == other.read_bytes()
    except OSError:
        return False


def _seed_directory(kept: Path, item: Persist, names: Sequence[str], source: Path) -> None:
    """Make the directory appear with all its shipped files at once."""
    beside = Path(tempfile.mkdtemp(prefix=SEED, dir=kept.parent))
    beside.chmod(0o755)
    for name in names:
        target = beside / PurePosixPath(name).relative_to(item.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(source / name, target)
    beside.rename(kept)
    sync_directory(kept.parent)


def _copy_file(source: Path, kept: Path) -> None:
    """Make the file appear whole; never over one that is there (link(2) refuses)."""
    beside = Path(tempfile.mkdtemp(prefix=SEED, dir=kept.parent))
    try:
        _copy(source, beside / "file")
        os.link(beside / "file", kept)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sync_directory(kept.parent)


def _copy(source: Path, target: Path) -> None:
    shutil.copy2(source, target, follow_symlinks=False)
    with target.open("rb") as stream:
        os.fsync(stream.fileno())


def _make(directory: Path, data: Path) -> None:
    """Make a directory and its parents below ``data``, durably."""
    if directory.is_dir():
        return
    if directory != data:
        _make(directory.parent, data)
    directory.mkdir(exist_ok=True)
    sync_directory(directory.parent)


def _replace(ours: Path, kept: Path) -> None:
    """Put a link in the place of whatever the source has there."""
    if _exists(ours):
        if stat.S_ISDIR(ours.lstat().st_mode):
            shutil.rmtree(ours)
        else:
            ours.unlink()
    ours.parent.mkdir(parents=True, exist_ok=True)
    ours.symlink_to(kept)


def _exists(path: Path) -> bool:
    """Whether there is anything, be it a link that leads nowhere."""
    return os.path.lexists(path)
