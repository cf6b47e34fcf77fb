"""Volumes that nobody gave a name: an image declares them (``VOLUME``), or a service lists a path.

``docker compose up`` takes such a volume over from the container before, by its service in its
project. A web that stands in another slot with each release has no container before: what was
written would be there again two releases later, or never. So they get a name, and what is in them
is kept as in any other volume of the project
(https://docs.docker.com/reference/dockerfile/#volume).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from holdfast.app import Finding
from holdfast.compose.given import Bind
from holdfast.compose.project import Project, Service
from holdfast.compose.roles import Roles

_MADE_AGAIN = re.compile(
    r"^/(?:tmp|run|var/(?:run|tmp|cache|log))(?:/|$)"
    r"|/(?:node_modules|\.?venv|site-packages|__pycache__|\.cache|\.next|\.mypy_cache)$"
)
"""Where nothing is that somebody would miss: an image brings it, or a start makes it."""


def masks(project: Project, roles: Roles, bound: Iterable[Bind]) -> dict[str, str]:
    """Paths that a volume without a name keeps out of a mount of the source: key and why.

    ``.:/app`` with ``/app/node_modules``: without the mount they only hide what the image has, as
    it was when the volume was made.
    """
    over = [(item.service, item.target) for item in bound if item.place == "drop"]
    found = {}
    for name in roles.code:
        for mount in project.services[name].mounts:
            if mount.kind != "volume" or mount.source:
                continue
            if any(name == one and _below(mount.target, top) for one, top in over):
                found[f"{name}:{mount.target}"] = mount.target
    return found


def named(
    project: Project,
    roles: Roles,
    declared: Mapping[str, Sequence[str]],
    aside: Iterable[str] = (),
) -> dict[str, str]:
    """The name that each gets among the project's volumes, by ``service:target``.

    Args:
        declared: the volumes that the image of each service declares.
        aside: those that stay without one (:func:`masks`).
    """
    left = {*aside}
    found = {}
    for name in (*roles.slot, *roles.workers, *roles.steady):
        service = project.services[name]
        for target in _targets(service, declared.get(name, ())):
            key = f"{name}:{target}"
            if key not in left and not _MADE_AGAIN.search(target.rstrip("/")):
                found[key] = f"kept-{_word(name)}{_word(target)}"
    return found


def put_in(document: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The document with those names in it, as if its author had given them."""
    volumes = {**(document.get("volumes") or {})}
    for key, volume in names.items():
        name, _, target = key.partition(":")
        service = document["services"].get(name)
        if service is None:
            continue
        mounts = [
            item
            for item in service.get("volumes") or ()
            if item.get("source") or item.get("target") != target
        ]
        said = {"type": "volume", "source": volume, "target": target}
        service["volumes"] = [*mounts, said]
        volumes[volume] = {"name": f"{document['name']}_{volume}"}
    return {**document, "volumes": volumes} if names else document


def told(names: Mapping[str, str]) -> Iterator[Finding]:
    """What the plan says of them."""
    for key, volume in names.items():
        name, _, target = key.partition(":")
        why = f"a volume without a name there is called {volume}, and kept from release to release"
        yield Finding("kept", f"{target} of {name}", why)


def _targets(service: Service, declared: Iterable[str]) -> Iterator[str]:
    """Where Docker would make a volume without a name."""
    unnamed = [item.target for item in service.mounts if item.kind == "volume" and not item.source]
    temporary = [str(item).partition(":")[0] for item in service.raw.get("tmpfs") or ()]
    mounted = {item.target.rstrip("/") for item in service.mounts if item.target not in unnamed}
    mounted |= {item.rstrip("/") for item in temporary}
    for target in dict.fromkeys((*unnamed, *declared)):
        if target.rstrip("/") not in mounted:
            yield target


def _below(path: str, top: str) -> bool:
    return path.rstrip("/") == top.rstrip("/") or path.startswith(f"{top.rstrip('/')}/")


def _word(path: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.]+", "-", path).rstrip("-")
