"""Where a server keeps what the project mounts from its own directory, and what that means."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from holdfast.compose import kinds
from holdfast.compose.dockerfile import scripts
from holdfast.compose.fronts import passes_on
from holdfast.compose.project import Mount, Project, Service, elsewhere
from holdfast.compose.roles import Roles
from holdfast.errors import BuildError
from holdfast.records import record

Place = Literal["release", "data", "fixed", "drop"]

_PLACEHOLDERS = frozenset({".gitkeep", ".keep", ".gitignore", "README.md", "README"})
_DATABASE = (".sqlite3", ".sqlite", ".db")
_MANY_WRITERS = re.compile(
    r"media|upload|static|assets|public|files|cache|tmp|logs?\b", re.IGNORECASE
)


@record
class Bind:
    """A path of the project that a service mounts.

    Attributes:
        path: relative to the project.
        place: ``release``: from the release's own source; ``data``: kept from release to release;
            ``fixed``: a copy that stays the same while its content does, so that a database whose
            configuration it is goes on; ``drop``: not at all.
        file: it is a file, not a directory.
        volume: the named volume that is kept there: one that is a directory of the project
            (``driver_opts`` with ``o: bind``).
    """

    service: str
    path: str
    target: str
    place: Place
    why: str
    file: bool = False
    volume: str = ""


def binds(project: Project, roles: Roles, source: Path, shipped: frozenset[str]) -> Iterator[Bind]:
    """What every service that runs here mounts from below ``source``.

    Args:
        shipped: the files of the source, relative to it.
    """
    contexts, named = _contexts(project, source), directories(project.raw, source)
    for name in roles.everything:
        service = project.services[name]
        for mount in service.mounts:
            place = _place(mount, named)
            if place is None or not place.is_relative_to(source):
                continue
            path = place.relative_to(source).as_posix()
            given = _Given(path, mount, shipped, contexts)
            if name in roles.steady:
                found = given.fixed(name)
            elif passes_on(kinds.made_of(service)) or mount.target.startswith("/etc/"):
                found = given.read(name)
            else:
                found = given.bind(name, built=kinds.built(project, service))
            yield found if mount.kind == "bind" else _of_volume(found, mount.source)


def directories(document: Mapping[str, Any], source: Path) -> dict[str, Path]:
    """The named volumes that are directories of the machine, not Docker's own.

    A volume keeps the path that it was made with; below the project that is a directory of one
    release (https://docs.docker.com/reference/cli/docker/volume/create/#driver-specific-options).
    """
    found = {}
    for name, said in (document.get("volumes") or {}).items():
        options = (said or {}).get("driver_opts") or {}
        how = str(options.get("o") or "").split(",")
        if options.get("device") and ("bind" in how or "rbind" in how):
            found[name] = Path(os.path.normpath(source / str(options["device"])))
    return found


def _place(mount: Mount, named: Mapping[str, Path]) -> Path | None:
    """The path of the machine that is mounted, if it is one."""
    if mount.kind == "volume":
        return named.get(mount.source)
    return Path(mount.source) if mount.kind == "bind" else None


def _of_volume(found: Bind, name: str) -> Bind:
    """What is written to stays the volume's, with its directory elsewhere; the rest is mounted."""
    if found.place == "data":
        return replace(found, volume=name)
    return replace(found, place="fixed") if found.place == "release" else found


def _contexts(project: Project, source: Path) -> set[str]:
    found = {"."}
    for service in project.services.values():
        context = Path(str((service.build or {}).get("context") or source))
        if context.is_relative_to(source):
            found.add(context.relative_to(source).as_posix())
    return found


@record
class _Given:
    """A mount of a path of the project, and what the project has there."""

    path: str
    mount: Mount
    shipped: frozenset[str]
    contexts: set[str]

    @property
    def _below(self) -> list[str]:
        if self.path == ".":
            return [*self.shipped]
        return [item for item in self.shipped if item.startswith(f"{self.path}/")]

    @property
    def _real(self) -> bool:
        return any(PurePosixPath(item).name not in _PLACEHOLDERS for item in self._below)

    def fixed(self, name: str) -> Bind:
        """Of what outlives a release: a copy that does, too."""
        return self._had(name, "fixed")

    def read(self, name: str) -> Bind:
        """Of what reads its configuration, or pages, whether or not that is said."""
        return self._had(name, "release")

    def bind(self, name: str, *, built: bool) -> Bind:
        """Of what runs the app's code; where its image is built here, that has the source."""
        code = self.path in self.contexts or any(item.endswith(".py") for item in self._below)
        if code and not built:
            return self.read(name)
        if code:
            why = "the image has this source already"
            return Bind(name, self.path, self.mount.target, "drop", why)
        if self.path in self.shipped or (self._real and self.mount.read_only):
            return self.read(name)
        return self._data(name)

    def _had(self, name: str, place: Literal["fixed", "release"]) -> Bind:
        """As the project has it there, if it has anything."""
        if self.path in self.shipped:
            return Bind(name, self.path, self.mount.target, place, "a file of it", True)
        if self._real:
            return Bind(name, self.path, self.mount.target, place, "read from it")
        return self._data(name)

    def _data(self, name: str) -> Bind:
        file = not self._below and PurePosixPath(self.path).suffix in _DATABASE
        why = f"{name} writes to {self.mount.target}"
        return Bind(name, self.path, self.mount.target, "data", why, file)


def outside(project: Project, names: Iterable[str], source: Path) -> Iterator[BuildError]:
    """What services need of the folders beside the project's own, which are not sent."""
    named = directories(project.raw, source)
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
            path = _place(mount, named)
            if path is None or path.is_relative_to(source):
                continue
            if path.is_relative_to(source.parent):
                yield BuildError(
                    f"{name} mounts {_from(source, path)}, which is not sent: only the folder in"
                    " which holdfast is run",
                    hint="a named volume, or an absolute path of the server, keeps what is in it",
                )


def lacking(project: Project, names: Iterable[str], source: Path) -> Iterator[BuildError]:
    """Directories of this server that services mount and that nobody makes: Docker says it late."""
    named = directories(project.raw, source)
    for name in names:
        for mount in project.services[name].mounts:
            path = _place(mount, named)
            made = (mount.raw.get("bind") or {}).get("create_host_path")
            if path is None or made or path.is_relative_to(source) or path.exists():
                continue
            what = f"the volume {mount.source} is" if mount.kind == "volume" else f"{name} mounts"
            yield BuildError(
                f"{what} {path} of the server, which is not there",
                hint=f"holdfast ssh, then mkdir -p {path}, and what belongs in it",
            )


def _from(source: Path, path: Path) -> str:
    """The path as the project says it."""
    return os.path.relpath(path, source)


def alone(project: Project, roles: Roles, found: Iterable[Bind], source: Path) -> str:
    """Why two copies of the web cannot run side by side; empty if they can."""
    bound = [*found]
    every = (_alone(project, roles, name, bound, source) for name in reversed(roles.slot))
    return next(filter(None, every), "")


def _alone(project: Project, roles: Roles, name: str, found: list[Bind], source: Path) -> str:
    web = project.services[name]
    if web.raw.get("network_mode") == "host":
        return f"{web.name} uses the server's own network: its port can be had once"
    if fixed := _fixed_address(web):
        return f"{web.name} has the fixed address {fixed}, which can be had once"
    if migrates := migrating(web, source):
        return f"{migrates} migrates while the web boots: the code that runs must not see it"
    if passes_on(kinds.made_of(web)):
        return ""
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


def _fixed_address(service: Service) -> str:
    """An address that its networks give it."""
    networks = service.raw.get("networks")
    for said in networks.values() if isinstance(networks, Mapping) else ():
        for key in ("ipv4_address", "ipv6_address", "mac_address"):
            if (said or {}).get(key):
                return str(said[key])
    return str(service.raw.get("mac_address") or "")


def migrating(web: Service, source: Path) -> str:
    """What of the web's own start runs migrations; empty if nothing does."""
    if kinds.runs_migrations(web.said):
        return f"the command of {web.name}"
    starts = [*scripts(web.build, web.said)] if web.build is not None else []
    starts += sorted(source.glob("**/*entrypoint*"))[:20] + sorted(source.glob("*start*.sh"))
    for script in starts:
        if script.is_file() and script.stat().st_size < 100_000:
            lines = script.read_text(errors="replace").splitlines()
            for number, line in enumerate(lines, 1):
                if kinds.runs_migrations(line) and not line.lstrip().startswith("#"):
                    return f"{_from(source, script)}, line {number},"
    return ""
