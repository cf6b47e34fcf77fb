"""What the release that serves has written into its own tree, where nobody had found it before.

Detection reads code and asks the framework, and can miss a path; a release is left behind with the
next deploy, and removed some deploys later. So before one is built what the running one has written
becomes data that is kept, and from then on it is linked like all the rest. Where an app's tree
is read-only to it (systemd) there is never anything.

It goes on to write while the next release is built. So there is a second look once it serves
nobody any more, before the next one does, and a last one when its process has ended.
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
from holdfast.files import exchange, sync_directory, write_json
from holdfast.layout import AppLayout
from holdfast.releases import persist
from holdfast.releases.contract import Carried
from holdfast.runtimes.contract import Release

WHY = "the app wrote it while it served"

_MADE_AGAIN = PASSING | {"site-packages", "venv", "env"}
"""Directories of which nobody misses anything; those that begin with a dot are passed over, too."""

_HALF = (".pyo", ".tmp", ".swp", "~", "-journal")
"""Files on their way to something else."""


_SHIPPED = "shipped.json"


def note_shipped(release: Path, names: frozenset[str]) -> None:
    """Write down in a release's directory what came in its archive."""
    write_json(release / _SHIPPED, sorted(names), mode=0o600)


def _shipped(release: Release) -> frozenset[str]:
    """What came in its archive; where nobody wrote that down, all files that it has."""
    try:
        return frozenset(json.loads((release.path / _SHIPPED).read_text()))
    except (OSError, ValueError, TypeError):
        return frozenset(map(str, _files(release.source, PurePosixPath(), set())))


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
    sent = persist.directories(shipped)
    made = {item.directory for item in static if item.directory not in sent}
    for path in _files(source, PurePosixPath(), made):
        try:
            status = (source / path).lstat()
        except FileNotFoundError:  # the app goes on, and takes files away
            continue
        written = max(status.st_mtime, status.st_ctime if status.st_nlink == 1 else 0.0)
        if written <= since or not stat.S_ISREG(status.st_mode):
            continue
        item = _kept(path, sent)
        passing = NEVER if item.kind == "file" else (".pyc", ".pid", ".sock", ".lock")
        if not path.name.endswith((*passing, *_HALF)):
            yield str(path), item


def take(
    home: AppLayout, wrote: Sequence[tuple[str, Persist]], source: Path, ours: Sequence[Persist]
) -> list[str]:
    """Make data of what was found in a release; the paths that nobody knew before.

    Args:
        ours: what is kept for that release anyway.
    """
    kept = {item.path: item for item in known(home.written)}
    told = {*kept, *(item.path for item in ours)}
    if new := {item.path: item for _, item in wrote if item.path not in told}:
        remember(home.written, [*kept.values(), *new.values()])
    for path, item in wrote:
        adopt(path, item, source, home.data)
    return [*new]


def carry(home: AppLayout, old: Release, new: Release, since: float, *, serves: bool) -> Carried:
    """Give a release what the one before it has written since it was looked at.

    Args:
        since: as for :func:`found`.
        serves: the new one does already; what it has written itself counts for more.
    """
    shipped = _shipped(new)
    wrote = list(found(old.source, since, shipped, old.spec.static))
    if serves:
        places = (new.source, home.data)
        wrote = [one for one in wrote if not any(os.path.lexists(top / one[0]) for top in places)]
    take(home, wrote, old.source, old.spec.persist)
    given = [_give(path, item, new.source, home.data, shipped) for path, item in wrote]
    return Carried(tuple(path for path, _ in wrote), tuple(filter(None, given)))


def furnish(home: AppLayout, release: Release) -> None:
    """Give a release of long ago what has become data since; what it has itself stays."""
    for item in known(home.written):
        place = release.source / item.path
        if (home.data / item.path).exists() and not os.path.lexists(place):
            _link(place, home.data / item.path)


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
    elif not (source / path).resolve().is_relative_to(data.resolve()):
        _adopt_file(source / path, data / path)


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


def _give(
    path: str, item: Persist, source: Path, data: Path, shipped: frozenset[str]
) -> str | None:
    """Link what was adopted into another release; the path if that had a file of its own there.

    What the project sends is that release's own; what it has made itself, or in a build, is not:
    nobody has asked it anything yet.
    """
    ours, kept = source / path, data / path
    if path in shipped or ours.is_dir() or any(_blocks(one) for one in ours.parents):
        return None
    if item.kind == "directory":
        top = source / item.path
        if top.is_dir() and not top.is_symlink() and not any(top.iterdir()):
            top.rmdir()
        if not os.path.lexists(top):
            ours, kept = top, data / item.path
    if ours.resolve().is_relative_to(data.resolve()):
        return None
    own = path if os.path.lexists(ours) else None
    _link(ours, kept)
    return own


def _blocks(parent: Path) -> bool:
    return os.path.lexists(parent) and not parent.is_dir()


def _link(ours: Path, kept: Path) -> None:
    ours.parent.mkdir(parents=True, exist_ok=True)
    beside = ours.with_name(f".{ours.name}.link")
    beside.unlink(missing_ok=True)
    beside.symlink_to(kept)
    beside.replace(ours)


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


def _kept(path: PurePosixPath, sent: frozenset[str]) -> Persist:
    """What is kept for a file; ``sent``: the directories in which the project has something."""
    for parent in [*path.parents][-2::-1]:
        if str(parent) not in sent:
            return Persist(str(parent), "directory", WHY)
    return Persist(str(path), "file", WHY)
