"""Where a server keeps what the project mounts from its own directory, and what that means."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.compose import kinds
from holdfast.compose.dockerfile import scripts
from holdfast.compose.fronts import passes_on
from holdfast.compose.given import Bind, Given
from holdfast.compose.project import Mount, Project, Service, elsewhere
from holdfast.compose.roles import Roles
from holdfast.errors import BuildError

_MANY_WRITERS = re.compile(
    r"media|upload|static|assets|public|files|cache|tmp|logs?\b", re.IGNORECASE
)


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
            over = tuple(one for one in service.mounts if _lies_in(mount, one))
            path = place.relative_to(source).as_posix()
            given = Given(name, path, mount, source, shipped, contexts, over)
            if name in roles.steady:
                found = given.fixed()
            elif passes_on(kinds.made_of(service)) or mount.target.startswith("/etc/"):
                found = given.read()
            else:
                found = given.bind(kinds.builder(project, service).build)
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


def _lies_in(mount: Mount, other: Mount) -> bool:
    return mount.target.startswith(f"{other.target.rstrip('/')}/")


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


def awaited(found: Iterable[Bind], data: Path | None) -> Iterator[BuildError]:
    """Files that services mount and that were not sent: Docker would make a directory of each.

    Args:
        data: the app's data, where a person may have put them; ``None`` if that is not here.
    """
    for item in found:
        if item.awaited and (data is None or not (data / item.path).exists()):
            place = f"{data or 'the data of the app'}/{item.path}"
            yield BuildError(
                f"{item.service} mounts the file {item.path}, which was not sent",
                hint="what git ignores stays on your machine; put it on the server once, as"
                f" {place}: there it is kept from release to release",
            )


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
