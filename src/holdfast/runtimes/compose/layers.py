"""The writable layer of containers and the files of images: looked at, copied out, linked.

What a program writes where no volume is lies in its container's own layer
(https://docs.docker.com/engine/storage/drivers/#container-and-layers).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from holdfast.files import sync_directory
from holdfast.runtimes.compose import api, docker

_BESIDE = ("-wal", "-journal")
"""What SQLite keeps beside a database, and which is a part of it."""

_ALL = 0o777
"""Whom an entrypoint changes to is not known."""


def written(container: str) -> list[str]:
    """The paths that a container has made or changed in its own layer."""
    found = api.call("GET", f"/containers/{container}/changes") or ()
    return [str(item["Path"]) for item in found if item["Kind"] in (0, 1)]


def copy(container: str, path: str, place: Path) -> bool:
    """Copy a path out of a container that writes nothing, with its owners; whether it has it.

    It appears whole, or not at all; what SQLite has beside it comes with it, and first.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".holdfast-copy.", dir=place.parent) as made:
        beside = Path(made)
        if not _copied(container, path, beside / "it"):
            return False
        if not (beside / "it").is_dir():
            for end in _BESIDE:
                if _copied(container, f"{path}{end}", beside / f"it{end}"):
                    (beside / f"it{end}").replace(f"{place}{end}")
        if place.is_dir() and not any(place.iterdir()):
            place.rmdir()
        elif place.exists():
            place.rename(f"{place}.replaced-{time.time_ns()}")
        (beside / "it").rename(place)
    sync_directory(place.parent)
    return True


def _copied(container: str, path: str, to: Path) -> bool:
    words = ("cp", "--archive", f"{container}:{path}", str(to))
    return docker.tried(docker.docker(*words, timeout=docker.PULLING)).returncode == 0


@contextmanager
def container_of(image: str) -> Iterator[str]:
    """A container of an image that is never started, while inside."""
    said = api.inspect("image", [image])[0]["Config"] or {}
    # One that starts nothing by itself takes a word for it; what uses it says what it starts.
    word = () if said.get("Entrypoint") or said.get("Cmd") else ("-",)
    words = ("create", "--network=none", image, *word)
    name = docker.call(docker.docker(*words, timeout=docker.STARTING)).split()[-1]
    try:
        yield name
    finally:
        docker.tried(docker.docker("rm", "--force", "--volumes", name))


def linked(image: str, links: Mapping[str, str], tag: str, over: Container[str] = ()) -> str:
    """An image that is another one with links in it; its id.

    Args:
        links: where each leads, by its own absolute path. A directory that it lies in and that is
            not there is left to the program.
        tag: what it is called.
        over: those that take the place of a mount: for them such a directory is made, as a mount
            does it.
    """
    with container_of(image) as name:
        for path, target in links.items():
            with tempfile.TemporaryDirectory() as made:
                _link(name, PurePosixPath(path), target, Path(made), whole=path in over)
        docker.call(docker.docker("commit", name, tag, timeout=docker.STARTING))
    return str(api.inspect("image", [tag])[0]["Id"])


def _link(container: str, path: PurePosixPath, target: str, made: Path, *, whole: bool) -> None:
    """Put a link into a container; with ``whole`` together with directories that are missing."""
    part = made / path.name
    part.symlink_to(target)
    for above in path.parents:
        into = f"{container}:{str(above).rstrip('/')}/"
        done = docker.tried(docker.docker("cp", str(part), into))
        if done.returncode == 0 or not whole or not above.name:
            return
        outer = part.with_name(f"in-{above.name}")
        outer.mkdir()
        part.rename(outer / part.name)
        part = outer.rename(made / above.name)
        part.chmod(_ALL)
