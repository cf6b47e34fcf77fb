"""Where a server keeps what the project mounts from its own directory, and what that means."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from holdfast.compose.project import Mount, Project, Service, elsewhere
from holdfast.compose.roles import Roles
from holdfast.errors import BuildError

Place = Literal["release", "data", "fixed", "drop"]

_PLACEHOLDERS = frozenset({".gitkeep", ".keep", ".gitignore", "README.md", "README"})
_DATABASE = (".sqlite3", ".sqlite", ".db")
_MANY_WRITERS = re.compile(
    r"media|upload|static|assets|public|files|cache|tmp|logs?\b", re.IGNORECASE
)
_MIGRATES = re.compile(
    r"manage\.py['\", ]+migrate|flask['\", ]+db['\", ]+upgrade|alembic['\", ]+upgrade"
    r"|\bmigrate --no-?input"
)


@dataclass(frozen=True, slots=True)
class Bind:
    """A path of the project that a service mounts.

    Attributes:
        path: relative to the project.
        place: ``release``: from the release's own source; ``data``: kept from release to release;
            ``fixed``: a copy that stays the same while its content does, so that a database whose
            configuration it is goes on; ``drop``: not at all.
        file: it is a file, not a directory.
    """

    service: str
    path: str
    target: str
    place: Place
    why: str
    file: bool = False


def binds(project: Project, roles: Roles, source: Path, shipped: frozenset[str]) -> Iterator[Bind]:
    """What every service that runs here mounts from below ``source``.

    Args:
        shipped: the files of the source, relative to it.
    """
    contexts = _contexts(project, source)
    for name in (roles.web, *roles.workers, *roles.once, *roles.steady):
        service = project.services.get(name)
        for mount in service.mounts if service else ():
            if mount.kind != "bind" or not Path(mount.source).is_relative_to(source):
                continue
            path = Path(mount.source).relative_to(source).as_posix()
            yield _bind(name, path, mount, shipped, contexts, steady=name in roles.steady)


def _contexts(project: Project, source: Path) -> set[str]:
    found = {"."}
    for service in project.services.values():
        context = Path(str((service.build or {}).get("context") or source))
        if context.is_relative_to(source):
            found.add(context.relative_to(source).as_posix())
    return found


def _bind(
    name: str,
    path: str,
    mount: Mount,
    shipped: frozenset[str],
    contexts: set[str],
    *,
    steady: bool,
) -> Bind:
    below = [item for item in shipped if item.startswith(f"{path}/")]
    code = any(item.endswith(".py") for item in below)
    if not steady and (path in contexts or code):
        return Bind(name, path, mount.target, "drop", "the image has this source already")
    if path in shipped:
        return Bind(
            name, path, mount.target, "fixed" if steady else "release", "a file of it", True
        )
    real = [item for item in below if PurePosixPath(item).name not in _PLACEHOLDERS]
    if real and (mount.read_only or steady):
        return Bind(name, path, mount.target, "fixed" if steady else "release", "read from it")
    file = not below and PurePosixPath(path).suffix in _DATABASE
    return Bind(name, path, mount.target, "data", f"{name} writes to {mount.target}", file)


def outside(project: Project, names: Iterable[str], source: Path) -> Iterator[BuildError]:
    """What services need of the folders beside the project's own, which are not sent."""
    for name in names:
        service = project.services[name]
        context = str((service.build or {}).get("context") or source)
        if not elsewhere(context) and not Path(context).is_relative_to(source):
            yield BuildError(
                f"{name} is built from {_from(source, Path(context))}, which is not sent: only"
                " the folder in which holdfast is run",
                hint="run it in the folder that holds both, with holdfast.toml there:"
                ' [compose] files = ["FOLDER/compose.yaml"]',
            )
        for mount in service.mounts:
            path = Path(mount.source)
            if mount.kind != "bind" or path.is_relative_to(source):
                continue
            if path.is_relative_to(source.parent):
                yield BuildError(
                    f"{name} mounts {_from(source, path)}, which is not sent: only the folder in"
                    " which holdfast is run",
                    hint="a named volume, or an absolute path of the server, keeps what is in it",
                )


def _from(source: Path, path: Path) -> str:
    """The path as the project says it."""
    return os.path.relpath(path, source)


def alone(project: Project, roles: Roles, found: Iterable[Bind], source: Path) -> str:
    """Why two copies of the web cannot run side by side; empty if they can."""
    web = project.services[roles.web]
    if web.raw.get("network_mode") == "host":
        return f"{web.name} uses the server's own network: its port can be had once"
    if migrates := migrating(web, source):
        return f"{migrates} migrates while the web boots: the code that runs must not see it"
    for bind in found:
        if (
            bind.service == web.name
            and bind.place == "data"
            and not _MANY_WRITERS.search(f"{bind.path} {bind.target}")
        ):
            return f"{web.name} writes to {bind.path}, and two at a time may not suit it"
    shared = {
        mount.source
        for name in (*roles.workers, *roles.steady)
        for mount in project.services[name].mounts
    }
    for mount in web.mounts:
        if mount.kind != "volume" or mount.read_only or mount.source in shared:
            continue
        if not _MANY_WRITERS.search(f"{mount.source} {mount.target}"):
            return f"{web.name} alone writes to the volume {mount.source}: one writer at a time"
    return ""


def migrating(web: Service, source: Path) -> str:
    """What of the web's own start runs migrations; empty if nothing does."""
    if _MIGRATES.search(web.said):
        return f"the command of {web.name}"
    for script in sorted(source.glob("**/*entrypoint*"))[:20] + sorted(source.glob("*start*.sh")):
        if script.is_file() and script.stat().st_size < 100_000:
            lines = script.read_text(errors="replace").splitlines()
            for number, line in enumerate(lines, 1):
                if _MIGRATES.search(line) and not line.lstrip().startswith("#"):
                    return f"{script.relative_to(source)}, line {number},"
    return ""
