"""Volumes that several projects of a server may share: those with a name of their own."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.compose import kinds
from holdfast.compose.project import Project
from holdfast.errors import BuildError
from holdfast.runtimes.compose import containers


def check(project: Project, names: Iterable[str], app: str) -> None:
    """Refuse a database on the files of one that runs: two at a time destroy them.

    That may be another app's, or what somebody runs on the server with plain Compose.

    Raises:
        BuildError: with the container that has them.
        ProcessError: Docker does not answer.
    """
    volumes = project.raw.get("volumes") or {}
    for name in (one for one in names if kinds.keeps(project.services[one])):
        for mount in project.services[name].mounts:
            volume = (volumes.get(mount.source) or {}).get("name")
            if mount.kind != "volume" or not volume:
                continue
            for other in containers.others_with(str(volume), app):
                way = f"name: ${{COMPOSE_PROJECT_NAME}}_{mount.source} in the Compose file"
                raise BuildError(
                    f"{name} has the volume {volume}, and so has the container {other} that runs:"
                    " two databases on the same files destroy them",
                    hint=f"docker stop {other} if this app takes its place; else another {way}",
                )
