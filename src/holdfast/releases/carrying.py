"""What an app writes in its own tree comes along from release to release.

It goes on to write while the next release is built, takes away, and renames. So there is a second
look (:mod:`holdfast.releases.written`) once it serves nobody any more, before the next one does,
and a last one when its process has ended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from holdfast.app import Persist
from holdfast.files import write_json
from holdfast.layout import AppLayout
from holdfast.records import record
from holdfast.releases import written
from holdfast.releases.contract import Carried
from holdfast.runtimes.contract import Release

Found = Sequence[tuple[str, Persist]]
"""Files, and what is kept for each."""

_SHIPPED = "shipped.json"


def note_shipped(release: Path, names: frozenset[str]) -> None:
    """Write down in a release's directory what came in its archive."""
    write_json(release / _SHIPPED, sorted(names), mode=0o600)


def _shipped(release: Release) -> frozenset[str]:
    """What came in its archive; where nobody wrote that down, all files that it has."""
    try:
        return frozenset(json.loads((release.path / _SHIPPED).read_text()))
    except (OSError, ValueError, TypeError):
        return frozenset(map(str, written.files(release.source)))


@record
class Taken:
    """What has become data, and what is data no more, by path in the source.

    Attributes:
        new: what nobody knew before.
        gone: files that the app has taken away; what is kept of them stays where it is, unused.
        moved: files that it has renamed.
    """

    new: tuple[str, ...]
    gone: tuple[str, ...]
    moved: Found


def take(home: AppLayout, wrote: Found, source: Path, ours: Sequence[Persist]) -> Taken:
    """Make data of what was found in the release that serves.

    Args:
        ours: what is kept for that release anyway.
    """
    kept = {item.path: item for item in written.known(home.written)}
    gone = tuple(_gone(kept.values(), source))
    moved = list(_moved(gone, source, home.data))
    told = {*kept, *(item.path for item in ours)}
    found = [item for _, item in wrote] + [item for _, item in moved]
    new = {item.path: item for item in found if item.path not in told}
    if new or gone:
        left = [item for item in kept.values() if item.path not in gone]
        written.remember(home.written, [*left, *new.values()])
    for was, item in moved:
        _move(home.data / was, home.data / item.path, source / item.path)
    for path, item in wrote:
        written.adopt(path, item, source, home.data)
    return Taken(tuple(new), gone, [(item.path, item) for _, item in moved])


def carry(home: AppLayout, old: Release, new: Release, since: float) -> Carried:
    """Give a release that is about to serve what the one before it has written since a look.

    Args:
        since: as for :func:`holdfast.releases.written.found`.
    """
    shipped = _shipped(new)
    wrote = list(written.found(old.source, since, shipped, old.spec.static))
    taken = take(home, wrote, old.source, old.spec.persist)
    for path in taken.gone:
        link = new.source / path
        if link.is_symlink() and link.readlink() == home.data / path:
            link.unlink()
    found = [*wrote, *taken.moved]
    given = [_give(path, item, new.source, home.data, shipped) for path, item in found]
    return Carried(tuple(path for path, _ in found), tuple(filter(None, given)))


def carry_late(home: AppLayout, old: Release, new: Release, since: float) -> Carried:
    """Likewise, one that serves already: it gets what it has nothing of.

    What it has written or taken away itself counts for more.
    """
    shipped = _shipped(new)
    places = (new.source, home.data)
    wrote = [
        (path, item)
        for path, item in written.found(old.source, since, shipped, old.spec.static)
        if not any(os.path.lexists(top / path) for top in places)
    ]
    kept = {item.path: item for item in written.known(home.written)}
    kept |= {item.path: item for _, item in wrote}
    if wrote:
        written.remember(home.written, [*kept.values()])
    for path, item in wrote:
        written.adopt(path, item, old.source, home.data)
        _give(path, item, new.source, home.data, shipped)
    return Carried(tuple(path for path, _ in wrote))


def furnish(home: AppLayout, release: Release) -> None:
    """Give a release of long ago what has become data since; what it has itself stays."""
    for item in written.known(home.written):
        place = release.source / item.path
        if (home.data / item.path).exists() and not _taken(place):
            _link(place, home.data / item.path)


def _gone(kept: Iterable[Persist], source: Path) -> Iterator[str]:
    """Files that a release was given as links, and that are not there any more."""
    if (source.parent / _SHIPPED).exists():  # else an older Holdfast made it, and gave it less
        for item in kept:
            place = source / item.path
            if item.kind == "file" and not _taken(place):
                yield item.path


def _moved(gone: Sequence[str], source: Path, data: Path) -> Iterator[tuple[str, Persist]]:
    """Those of them that are there under another name, which a link bears as well as a file."""
    targets = {str(data / path): path for path in gone}
    for link in written.links(source) if targets else ():
        was = targets.get(str((source / link).readlink()))
        if was is not None:
            yield was, Persist(str(link), "file", written.WHY)


def _move(was: Path, kept: Path, link: Path) -> None:
    """Give data another name; the old one stays, as an earlier release may have it."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    if was.exists() and not os.path.lexists(kept):
        os.link(was, kept)
    if kept.exists():
        _link(link, kept)


def _give(
    path: str, item: Persist, source: Path, data: Path, shipped: frozenset[str]
) -> str | None:
    """Link what was adopted into another release; the path if that had a file of its own there.

    What the project sends is that release's own; what it has made itself, or in a build, is not:
    nobody has asked it anything yet.
    """
    ours, kept = source / path, data / path
    if path in shipped or ours.is_dir() or any(map(_blocks, ours.parents)):
        return None
    if item.kind == "directory":
        top = source / item.path
        if top.is_dir() and not top.is_symlink() and not any(top.iterdir()):
            top.rmdir()
        if not os.path.lexists(top):
            ours, kept = top, data / item.path
    if written.leads_into(ours, data):
        return None
    own = path if os.path.lexists(ours) else None
    _link(ours, kept)
    return own


def _taken(place: Path) -> bool:
    """Whether something is there, or no directory for it where there has to be one."""
    return os.path.lexists(place) or any(map(_blocks, place.parents))


def _blocks(parent: Path) -> bool:
    return os.path.lexists(parent) and not parent.is_dir()


def _link(ours: Path, kept: Path) -> None:
    """In one step; nothing is synced for each, by which ten thousand take 3.2 s and not 1.5."""
    ours.parent.mkdir(parents=True, exist_ok=True)
    beside = ours.with_name(f".{ours.name}.link")
    beside.unlink(missing_ok=True)
    beside.symlink_to(kept)
    beside.replace(ours)
