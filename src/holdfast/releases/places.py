"""The places in an app's data of what its containers write: made, filled, given, linked to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from holdfast.compose import inside
from holdfast.releases.contained import Found
from holdfast.runtimes.compose import layers

_ALL, _ALL_FILES = 0o777, 0o666
"""Whom an entrypoint changes to is not known; the app's data lets nobody else of the server in."""


def provide(
    found: Found,
    data: Path,
    source: Path,
    built: Mapping[str, str],
    give: Callable[[Path, str], None],
) -> None:
    """Make a place for everything; what is new has what its image, or the project, has there.

    Args:
        built: the ids of images, by service.
        give: lets whoever a service runs as write to a path.

    Raises:
        ProcessError: Docker does not do it.
    """
    for item in found.kept:
        place = data / item.place
        new = not place.exists()
        if new and item.place not in found.taken:
            place.parent.mkdir(parents=True, exist_ok=True)
            if item.over and item.source:
                _copy(source / item.source, place)
            image = built.get(item.service)
            if image is not None and not item.mounted and not place.exists():
                with layers.container_of(image) as name:
                    layers.copy(name, item.path, place)
            if not place.exists() and item.source:
                _copy(source / item.source, place)
        (place if item.kind == "directory" else place.parent).mkdir(parents=True, exist_ok=True)
        for part in _own(data / inside.HOME, place) if new else ():
            give(part, item.service)
            if item.kind == "file":
                part.chmod(_ALL if part.is_dir() else _ALL_FILES)


def link(found: Found, source: Path) -> None:
    """Put links into source that containers mount, in the place of the files."""
    for item in found.kept:
        if item.kind == "file" and item.mounted and item.source:
            ours = source / item.source
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.unlink(missing_ok=True)
            ours.symlink_to(item.target)


def linked(found: Found, built: Mapping[str, str], tag: Callable[[str], str]) -> dict[str, str]:
    """The images with links in the place of the files, by service.

    Args:
        tag: what the image of a service is called.

    Raises:
        ProcessError: Docker makes none.
    """
    made: dict[tuple[object, ...], str] = {}
    result = {}
    for name, image in built.items():
        links = {
            item.path: item.target
            for item in found.kept
            if item.service == name and item.kind == "file" and not item.mounted
        }
        over = {item.path for item in found.kept if item.service == name and item.over}
        if links:
            key = (image, *sorted(links.items()))
            if key not in made:
                made[key] = layers.linked(image, links, tag(f"{name}.linked"), over)
            result[name] = made[key]
    return {**built, **result}


def _copy(ours: Path, place: Path) -> None:
    if ours.is_dir():
        shutil.copytree(ours, place, symlinks=True)
    elif ours.is_file():
        shutil.copy2(ours, place)


def _own(home: Path, place: Path) -> Iterator[Path]:
    """A place with all that is in it, and the directories of ours that it lies in."""
    if place.exists():
        yield from (place, *place.rglob("*"))
    for above in place.parents:
        if above == home:
            return
        yield above
