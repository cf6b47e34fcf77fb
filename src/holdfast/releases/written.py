"""What the release that serves has written into its own tree, where nobody had found it before.

Detection reads code and asks the framework, and can miss a path; a release is left behind with the
next deploy, and removed some deploys later. So before one is built what the running one has written
becomes data that is kept, and from then on it is linked like all the rest. Where an app's tree
is read-only to it (systemd) there is never anything.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from holdfast.app import Persist, Static
from holdfast.codec import CodecError, from_json, to_json
from holdfast.detect.keeping import NEVER, PASSING
from holdfast.files import sync_directory, write_json

WHY = "the app wrote it while it served"

_MADE_AGAIN = PASSING | {"site-packages", "venv", "env"}
"""Directories of which nobody misses anything; those that begin with a dot are passed over, too."""

_HALF = (".pyo", ".tmp", ".swp", "~", "-journal")
"""Files on their way to something else."""


def known(record: Path) -> tuple[Persist, ...]:
    """What was found by earlier deploys: for good, also if one was undone or rolled back."""
    try:
        return tuple(from_json(item, Persist) for item in json.loads(record.read_text()))
    except (OSError, ValueError, TypeError, CodecError):
        return ()


def remember(record: Path, items: Sequence[Persist]) -> None:
    """Write down what is kept, before it is."""
    write_json(record, to_json(items), mode=0o600)


def found(
    source: Path, since: float, shipped: frozenset[str], static: Sequence[Static]
) -> Iterator[tuple[str, Persist]]:
    """Files that were written since the release serves, each with what is to be kept for it.

    That is the whole directory if the project sends nothing below it, else the file alone: what
    the project sends there changes with its releases.

    Args:
        source: of the release that serves.
        since: when it was made the current one; Unix time.
        shipped: what came in the archive of the release that is built.
        static: directories of what a build collects are made again.
    """
    made = {item.directory for item in static if not _has(shipped, item.directory)}
    for path in _files(source, PurePosixPath(), made):
        try:
            status = (source / path).lstat()
        except FileNotFoundError:  # the app goes on, and takes files away
            continue
        written = max(status.st_mtime, status.st_ctime if status.st_nlink == 1 else 0.0)
        if written <= since or not stat.S_ISREG(status.st_mode):
            continue
        item = _kept(path, shipped)
        passing = NEVER if item.kind == "file" else (".pyc", ".pid", ".sock", ".lock")
        if not path.name.endswith((*passing, *_HALF)):
            yield str(path), item


def adopt(path: str, item: Persist, source: Path, data: Path) -> None:
    """Make what was written part of the data, at its place there; the app finds it as before.

    What an app has open goes on to be the same file; what it has taken away meanwhile is nothing.
    Can be done twice.
    """
    if not (source / path).exists():
        return
    ours, kept = source / item.path, data / item.path
    if item.kind == "directory" and ours.is_dir() and not ours.is_symlink() and not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        ours.rename(kept)
        ours.symlink_to(kept)
        sync_directory(kept.parent)
    elif not (source / path).resolve().is_relative_to(data.resolve()):
        _adopt_file(source / path, data / path)


def _adopt_file(ours: Path, kept: Path) -> None:
    """The newest is what counts: also where the app has replaced a link to what was kept."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside, link = kept.with_name(f".{kept.name}.new"), ours.with_name(f".{ours.name}.link")
    for left in (beside, link):
        left.unlink(missing_ok=True)
    os.link(ours, beside)
    beside.replace(kept)
    link.symlink_to(kept)
    link.replace(ours)
    sync_directory(kept.parent)


def _files(source: Path, below: PurePosixPath, made: set[str]) -> Iterator[PurePosixPath]:
    """Files by their path in the source; no link is followed."""
    with suppress(FileNotFoundError), os.scandir(source / below) as entries:
        for entry in entries:
            path = below / entry.name
            if entry.name.startswith(".") or entry.is_symlink():
                continue
            if entry.is_dir():
                if entry.name not in _MADE_AGAIN and str(path) not in made:
                    yield from _files(source, path, made)
            else:
                yield path


def _kept(path: PurePosixPath, shipped: frozenset[str]) -> Persist:
    for parent in [*path.parents][-2::-1]:
        if not _has(shipped, str(parent)):
            return Persist(str(parent), "directory", WHY)
    return Persist(str(path), "file", WHY)


def _has(shipped: frozenset[str], directory: str) -> bool:
    return any(name.startswith(f"{directory}/") for name in shipped)
