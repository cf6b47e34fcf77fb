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
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import suppress
from pathlib import Path, PurePosixPath

from holdfast import made_again
from holdfast.app import Persist, Static
from holdfast.codec import CodecError, from_json, to_json
from holdfast.files import exchange, sync_directory, write_json
from holdfast.releases import persist

WHY = "the app wrote it while it served"

_MADE_AGAIN = made_again.DIRECTORIES | {"site-packages", "venv", "env"}
"""Directories of which nobody misses anything; those that begin with a dot are passed over, too."""

_PASSING = (".pyc", ".pyo", ".pid", ".sock", ".lock", ".tmp", ".swp", "~", "-journal")
"""Files that nobody misses, or that are on their way to something else."""


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
    source: Path,
    since: float,
    shipped: frozenset[str],
    static: Sequence[Static],
    left: Callable[[str], None] = lambda path: None,
) -> Iterator[tuple[str, Persist]]:
    """Files that were written since the release serves, each with what is to be kept for it.

    That is the whole directory if the project sends nothing below it, else the file alone: what
    the project sends there changes with its releases.

    Args:
        source: of the release that serves.
        since: when it was made the current one; Unix time.
        shipped: what came in the archive of the release that is built.
        static: directories of what a build collects are made again.
        left: told what is not kept, as it looks like what is made again, and might be missed.
    """
    sent = persist.directories(shipped)
    made = {item.directory for item in static if item.directory not in sent}
    for path in files(source, made):
        try:
            status = (source / path).lstat()
        except FileNotFoundError:  # the app goes on, and takes files away
            continue
        written = max(status.st_mtime, status.st_ctime if status.st_nlink == 1 else 0.0)
        if written <= since or not stat.S_ISREG(status.st_mode):
            continue
        item = _kept(path, sent)
        if path.name.endswith(_PASSING):
            continue
        if item.kind == "file" and path.name.endswith(made_again.FILES):
            left(str(path))
        else:
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
        _adopt_directory(ours, kept)
    elif not leads_into(source / path, data):
        _adopt_file(source / path, data / path)


def leads_into(place: Path, data: Path) -> bool:
    """Whether a path is a link into the data, or lies in a directory that is one.

    The app may put a file in the link's place at this moment.
    """
    try:
        to = place.readlink()
    except OSError:
        to = place.parent
    return to.resolve().is_relative_to(data.resolve())


def _adopt_directory(ours: Path, kept: Path) -> None:
    """The app finds it at every moment: a link to where it will be changes places with it."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.unlink(missing_ok=True)  # of one that was killed between these lines
    kept.symlink_to(kept)
    try:
        if not exchange(ours, kept):
            kept.unlink()
            ours.rename(kept)
            ours.symlink_to(kept)
    except FileNotFoundError:  # the app has taken it away
        kept.unlink(missing_ok=True)
    sync_directory(kept.parent)


def _adopt_file(ours: Path, kept: Path) -> None:
    """The newest is what counts: also where the app has replaced a link to what was kept.

    What it puts there while we do this is newer still.
    """
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside, link = kept.with_name(f".{kept.name}.new"), ours.with_name(f".{ours.name}.link")
    for left in (beside, link):
        left.unlink(missing_ok=True)
    with suppress(FileNotFoundError):  # as above
        os.link(ours, beside)
        beside.replace(kept)
        link.symlink_to(kept)
        if not exchange(link, ours):
            link.replace(ours)
        elif not link.samefile(kept):
            link.replace(kept)
    link.unlink(missing_ok=True)
    sync_directory(kept.parent)


def files(source: Path, made: Set[str] = frozenset()) -> Iterator[PurePosixPath]:
    """Files by their path in the source; links are none, and none is followed.

    Args:
        made: directories that are passed over.
    """
    entries = _entries(source, made, PurePosixPath())
    return (path for path, is_link in entries if not is_link)


def links(source: Path) -> Iterator[PurePosixPath]:
    """Likewise, the symbolic links."""
    entries = _entries(source, frozenset(), PurePosixPath())
    return (path for path, is_link in entries if is_link)


def _entries(
    source: Path, made: Set[str], below: PurePosixPath
) -> Iterator[tuple[PurePosixPath, bool]]:
    with suppress(FileNotFoundError), os.scandir(source / below) as entries:
        for entry in entries:
            path = below / entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():
                yield path, True
            elif not entry.is_dir():
                yield path, False
            elif entry.name not in _MADE_AGAIN and str(path) not in made:
                yield from _entries(source, made, path)


def _kept(path: PurePosixPath, sent: frozenset[str]) -> Persist:
    """What is kept for a file; ``sent``: the directories in which the project has something."""
    for parent in [*path.parents][-2::-1]:
        if str(parent) not in sent:
            return Persist(str(parent), "directory", WHY)
    return Persist(str(path), "file", WHY)
