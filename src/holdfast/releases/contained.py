"""What would be lost with a container that goes: found when a release is built, given a place."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path, PurePosixPath
from typing import Literal

from holdfast.app import Finding
from holdfast.compose import layer, unnamed
from holdfast.compose.fronts import passes_on
from holdfast.compose.inside import Inside, Kept
from holdfast.compose.kinds import made_of
from holdfast.compose.mounts import Bind
from holdfast.compose.project import Project, Service
from holdfast.compose.roles import Roles
from holdfast.config import Config
from holdfast.detect import stored
from holdfast.detect.tree import Tree
from holdfast.layout import AppLayout
from holdfast.records import record
from holdfast.releases import touched
from holdfast.runtimes.compose import containers, images, layers, steady

_MOST = 5


@record
class Volumes:
    """The volumes without a name: those that get one, and those that are left out.

    Both by ``service:target``; what is left out with its path.
    """

    named: Mapping[str, str]
    masks: Mapping[str, str]


def volumes(
    app: str,
    project: Project,
    roles: Roles,
    bound: Iterable[Bind],
    built: Mapping[str, str],
    on_line: images.Line,
) -> Volumes:
    """Find them by the images of all services; those of services that stay up are pulled.

    Args:
        built: the ids of images that were built or pulled for the release, by service.

    Raises:
        BuildError: an image cannot be pulled.
        ProcessError: Docker does not answer.
    """
    stay = {name: project.services[name].image for name in roles.steady if name not in built}
    declared = images.declared({**built, **stay}, on_line)
    masks = unnamed.masks(project, roles, bound)
    names = unnamed.named(project, roles, declared, (*masks, *steady.unnamed(app)))
    return Volumes(names, masks)


@record
class Found:
    """What containers of a release write where no volume is.

    Attributes:
        kept: what has a place in the app's data.
        taken: what the release that runs has in a container of its own, and has to be copied while
            nobody writes: by its place, the container's id and the path in it.
        told: what is said of it.
    """

    kept: tuple[Kept, ...] = ()
    taken: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    told: tuple[Finding, ...] = ()

    @property
    def alone(self) -> str:
        """Why it must not be written to meanwhile; empty if nothing has to be copied."""
        names = sorted(path for _, path in self.taken.values())
        return f"{names[0]} lies in a container, and is copied while nobody writes" if names else ""


class Finder:
    """Finds it.

    Args:
        env: what everything that runs the app's code gets besides.
        built: see :func:`volumes`.
        shipped: the files of the source, relative to it.
    """

    def __init__(
        self,
        home: AppLayout,
        project: Project,
        roles: Roles,
        bound: Iterable[Bind],
        source: Path,
        shipped: frozenset[str],
        env: Mapping[str, str],
        built: Mapping[str, str],
    ) -> None:
        self._home, self._project, self._source = home, project, source
        self._bound, self._shipped, self._env, self._built = [*bound], shipped, env, built
        self._roles = roles
        self._trees: dict[Path, Tree] = {}

    def find(self, config: Config) -> Found:
        """All of it; what the config names first."""
        running = list(self._running())
        every = [*self._asked(config)]
        if config.persist.detect is not False:
            every += [item for name in self._code() for item in self._by_files(name)]
            every += [item for one in running for item in self._by_container(*one)]
        kept = _each_once(every)
        taken = self._taken(kept, running)
        return Found(kept, taken, (*_told(kept, taken), *self._unknown(kept, running)))

    def _code(self) -> Iterator[str]:
        """The services that run the app's own code."""
        for name in self._roles.code:
            if not passes_on(made_of(self._project.services[name])):
                yield name

    def _starts(self, name: str) -> tuple[str, dict[str, str]]:
        """What its image says: the working directory, variables."""
        image = self._built.get(name)
        return images.starts(image) if image else ("", {})

    def _inside(self, name: str) -> Inside:
        service = self._project.services[name]
        builds = _builder(self._project, service)
        working, _ = self._starts(name)
        return Inside(service, builds, self._bound, self._source, working)

    def _asked(self, config: Config) -> Iterator[Kept]:
        for said in config.persist.paths or ():
            path = said.rstrip("/")
            last = path.rpartition("/")[2].lstrip(".")
            kind: Literal["file", "directory"] = "directory"
            if "." in last and not said.endswith("/"):
                kind = "file"
            for name in self._code():
                there = self._inside(name)
                where = there.of(path) or path
                yield from self._kept(there, where, kind, "holdfast.toml says so", asked=True)

    def _by_files(self, name: str) -> Iterator[Kept]:
        """By the code, and the variables that it gets."""
        there = self._inside(name)
        said = self._project.services[name].environment
        given = {key: str(value) for key, value in said.items() if value is not None}
        env = {**self._starts(name)[1], **given, **self._env}
        root = there.root
        tree = self._trees.setdefault(root, Tree(root)) if root is not None else None
        for item in stored.find(tree, env):
            path = item.path
            if item.anchored and root is not None:
                path = there.of(os.path.normpath(root.relative_to(self._source) / path)) or path
            yield from self._kept(there, path, item.kind, f"{item.what} ({item.evidence})")

    def _by_container(self, name: str, _: str, paths: list[str]) -> Iterator[Kept]:
        there = self._inside(name)
        for path, kind in dict(layer.kept(paths)).items():
            yield from self._kept(there, path, kind, f"{name} has written it in its container")

    def _kept(
        self,
        there: Inside,
        path: str,
        kind: Literal["file", "directory"],
        why: str,
        *,
        asked: bool = False,
    ) -> Iterator[Kept]:
        found = there.kept(path, kind, why, self._shipped, asked=asked)
        if found is not None:
            yield found

    def _running(self) -> Iterator[tuple[str, str, list[str]]]:
        """What runs of the app's code now, the web first: service, container, what it wrote."""
        code = {*self._code()}
        there = [
            one for one in containers.find(self._home.name) if one.running and one.service in code
        ]
        for one in sorted(there, key=lambda one: not one.process.startswith("web.")):
            mounted = {mount["Destination"] for mount in one.raw["Mounts"]}
            wrote = [path for path in layers.written(one.id) if path not in mounted]
            wrote += touched.written(one.raw["Mounts"], self._home.releases)
            yield one.service, one.id, wrote

    def _taken(
        self, kept: Iterable[Kept], running: Iterable[tuple[str, str, list[str]]]
    ) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for service, container, paths in running:
            wrote = {*paths}
            for item in kept:
                if item.service != service or item.place in found:
                    continue
                if item.path in wrote if item.kind == "file" else _files_below(item.path, wrote):
                    found[item.place] = container, item.path
        return found

    def _unknown(
        self, kept: Iterable[Kept], running: Iterable[tuple[str, str, list[str]]]
    ) -> Iterator[Finding]:
        """Files that nobody said anything about, and that are gone with their container."""
        known = [item.path for item in kept]
        for service, _, paths in running:
            left = [
                path
                for path in layer.others(paths)
                if not any(path == one or path.startswith(f"{one}/") for one in known)
            ]
            if left:
                named = ", ".join(left[:_MOST]) + (", …" if left[_MOST:] else "")
                there = self._inside(service)
                says = there.outside(left[0]) or left[0].removeprefix(f"{there.working}/")
                way = f"a volume at {PurePosixPath(left[0]).parent}"
                if not says.startswith("/"):
                    way = f'holdfast.toml: [persist] paths = ["{says}"]'
                why = f"{service} wrote it in its container, with which it goes; {way} keeps it"
                yield Finding("not kept", named, why, level="warning")


def _builder(project: Project, service: Service) -> Service:
    """The service that builds its image; itself if none does."""
    if service.build is None:
        for other in project.services.values():
            if other.build is not None and other.image and other.image == service.image:
                return other
    return service


def _files_below(top: str, paths: Iterable[str]) -> bool:
    return any(path.startswith(f"{top}/") for path in paths)


def _each_once(every: Iterable[Kept]) -> tuple[Kept, ...]:
    """The best reason for each; nothing that lies in a directory which is kept."""
    found: dict[str, Kept] = {}
    for item in every:
        found.setdefault(item.key, item)
    tops = [item for item in found.values() if item.kind == "directory"]
    return tuple(
        item
        for item in found.values()
        if not any(
            item.service == top.service and item.path.startswith(f"{top.path}/") for top in tops
        )
    )


def _told(kept: Iterable[Kept], taken: Mapping[str, object]) -> Iterator[Finding]:
    told = set[str]()
    for item in kept:
        if item.place not in told:
            told.add(item.place)
            more = "; copied out of the container that has it" if item.place in taken else ""
            name = (item.source or item.path) + ("/" if item.kind == "directory" else "")
            yield Finding("persists", name, f"{item.why}{more}")
