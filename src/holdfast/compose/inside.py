"""What code in a container writes where no volume is: it would go with the container.

A release has a container of its own. What was written into the one before, into its writable layer
or into source that was mounted over the image and is not mounted here, would be gone. Each such
path gets a place in the app's data: a directory is mounted there; a file, which may lie among
code, is a link to one in a directory that is mounted, so that what SQLite puts beside it
(``-wal``, ``-journal``) is there, too (https://www.sqlite.org/wal.html).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from holdfast.compose import dockerfile
from holdfast.compose.given import Bind
from holdfast.compose.layer import USR
from holdfast.compose.project import Service, elsewhere
from holdfast.records import record

HOME = "in-containers"
"""The directory of an app's data that has it: ``files`` that are linked to, and ``folders``."""

KNOWN = f"{HOME}/known.json"
"""Beside them, what was ever found: where a link leads elsewhere no container shows it again."""

MOUNTED = "/holdfast-kept"
"""Where containers have the directory of the files."""

_FILES, _FOLDERS = f"{HOME}/files", f"{HOME}/folders"

_SYSTEM = re.compile(
    rf"/(?:bin|boot|dev|etc|lib|lib64|proc|run|sbin|sys|tmp|{USR})(?:/|$)"
    r"|/var/(?:run|tmp|cache|log|spool)(?:/|$)|/(?:var|var/lib|opt|srv|root|home)?$"
)
"""Directories of the system, and those that hold all of an app."""

_CODE = (".py", ".html", ".css", ".js", ".ts", ".sh", ".c", ".go")


@record
class Kept:
    """A path in the containers of a service that outlives them.

    Attributes:
        path: absolute, in the container.
        kind: a file is a link in the containers, to one that is mounted.
        place: relative to the app's data.
        source: what the project has there, relative to it; empty for what lies elsewhere.
        why: what says that it is written to, and where that stands.
        mounted: it lies in source that is mounted from the release, not in the image.
        over: the project mounts its own there, whatever the image has.
    """

    service: str
    path: str
    kind: Literal["file", "directory"]
    place: str
    source: str
    why: str
    mounted: bool = False
    over: bool = False

    @property
    def key(self) -> str:
        return f"{self.service}:{self.path}"

    @property
    def target(self) -> str:
        """Where the link of a file leads, in the container."""
        return f"{MOUNTED}{self.place.removeprefix(_FILES)}"


class Inside:
    """A service's containers: where they have what the project has.

    Args:
        builder: the service that builds their image, itself perhaps.
        bound: what is mounted from the project.
        working: the working directory of its image, where no file says it.
    """

    def __init__(
        self,
        service: Service,
        builder: Service,
        bound: Iterable[Bind],
        source: Path,
        working: str = "",
    ) -> None:
        build: Mapping[str, Any] = builder.build or {}
        self._service = service
        self._source = source
        self._bound = [item for item in bound if item.service == service.name]
        copied, home = dockerfile.places(build)
        self.working = str(service.raw.get("working_dir") or home or working or "/")
        found = [(item.path, item.target) for item in self._bound if item.place != "data"]
        self.root = self._root(build)
        if build and self.root is not None:
            base = self.root.relative_to(source)
            found += [(os.path.normpath(base / name), where) for name, where in copied]
        self._places = found

    def _root(self, build: Mapping[str, Any]) -> Path | None:
        """The directory of the project that has their code; ``None`` if it has none."""
        said = str(build.get("context") or "")
        if said and not elsewhere(said) and Path(said).is_relative_to(self._source):
            return Path(said)
        given = [item.path for item in self._bound if item.place == "release" and not item.file]
        return self._source / given[0] if given and not said else None

    def of(self, path: str) -> str | None:
        """Where containers have a path of the project; ``None`` if they have it nowhere."""
        for top, where in self._places:
            if (rest := _below(path, top)) is not None:
                return os.path.normpath(f"{where}/{rest}")
        return None

    def outside(self, path: str) -> str:
        """What the project has where containers have a path; empty if it has nothing."""
        for top, where in self._places:
            if (rest := _below(path, where)) is not None:
                return os.path.normpath(f"{top}/{rest}")
        return ""

    def kept(
        self,
        path: str,
        kind: Literal["file", "directory"],
        why: str,
        shipped: Iterable[str],
        *,
        asked: bool = False,
    ) -> Kept | None:
        """How a path of its containers is kept; ``None`` where nothing has to be done, or can be.

        Args:
            path: absolute, or relative to where its program runs.
            shipped: the files of the source, relative to it.
            asked: somebody says so, whatever else lies there.
        """
        whole = path if path.startswith("/") else f"{self.working}/{path}"
        path = f"/{os.path.normpath(whole).lstrip('/')}"
        if self._covered(path) or _SYSTEM.match(path):
            return None
        folder = str(PurePosixPath(path).parent)
        if kind == "file" and not self._is_read(folder) and self._may_be_mounted(folder, shipped):
            path, kind = folder, "directory"
        elif kind == "directory" and not asked and not self._may_be_mounted(path, shipped):
            return None
        ours = self.outside(path)
        inside = ours and not ours.startswith("..")
        place = f"{_FILES if kind == 'file' else _FOLDERS}/{ours if inside else f'_{path}'}"
        mounted = self._is_mounted(path)
        return Kept(self._service.name, path, kind, place, ours if inside else "", why, mounted)

    def linked(self, bind: Bind) -> Kept:
        """How a database is kept that is mounted as a file: with what SQLite puts beside it."""
        place = f"{_FILES}/{bind.path}"
        path = f"/{os.path.normpath(bind.target).lstrip('/')}"
        mounted = self._is_mounted(path)
        return Kept(bind.service, path, "file", place, bind.path, bind.why, mounted, over=True)

    def again(self, before: Kept) -> Kept | None:
        """How something is kept now that was kept before; ``None`` where a volume has it by now."""
        if self._covered(before.path):
            return None
        return replace(before, mounted=self._is_mounted(before.path))

    def _is_mounted(self, path: str) -> bool:
        """Whether it lies in source that is mounted from the release."""
        read = [item.target for item in self._bound if item.place == "release" and not item.file]
        return any(_below(path, target) is not None for target in read)

    def _is_read(self, path: str) -> bool:
        """Whether a directory comes from the release, and has what changes with it."""
        return any(item.target == path and item.place == "release" for item in self._bound)

    def _may_be_mounted(self, path: str, shipped: Iterable[str]) -> bool:
        """Whether a directory holds nothing but what is written: no code, not all of the app."""
        held = [_below(where, path) not in (None, ".") for _, where in self._places]
        if _SYSTEM.match(path) or _below(self.working, path) or any(held):
            return False
        ours = self.outside(path)
        return not any(
            _below(name, ours) is not None and name.endswith(_CODE) for name in shipped if ours
        )

    def _covered(self, path: str) -> bool:
        """Whether a volume is there, or something in memory: what is written lies there already."""
        aside = {item.target for item in self._bound if item.place in ("drop", "release")}
        targets = [m.target for m in self._service.mounts if m.target not in aside]
        targets += [str(item).partition(":")[0] for item in self._service.raw.get("tmpfs") or ()]
        return any(_below(path, target.rstrip("/") or "/") is not None for target in targets)


def mounts_of(kept: Iterable[Kept]) -> dict[str, str]:
    """What is mounted besides, ``service:target`` to a place in the app's data."""
    found = {}
    for item in kept:
        if item.kind == "directory":
            found[item.key] = item.place
        else:
            found[f"{item.service}:{MOUNTED}"] = _FILES
    return found


def _below(path: str, top: str) -> str | None:
    """The rest of a path that lies in ``top``, ``.`` for itself; ``None`` if it does not."""
    if top in (".", "/"):
        return path.lstrip("/") or "."
    if path == top:
        return "."
    return path[len(top) + 1 :] if path.startswith(f"{top.rstrip('/')}/") else None
