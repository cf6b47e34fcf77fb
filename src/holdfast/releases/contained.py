"""What would be lost with a container that goes: found when a release is built, given a place."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Literal

from holdfast.app import Finding
from holdfast.codec import from_json, to_json
from holdfast.compose import layer, unnamed
from holdfast.compose.fronts import passes_on
from holdfast.compose.given import Bind
from holdfast.compose.inside import KNOWN, Inside, Kept
from holdfast.compose.kinds import builder, made_of
from holdfast.compose.project import Project
from holdfast.compose.roles import Roles
from holdfast.config import Config
from holdfast.detect import stored
from holdfast.detect.tree import Tree
from holdfast.files import write_json
from holdfast.layout import AppLayout
from holdfast.records import record
from holdfast.releases import persist, touched
from holdfast.runtimes.compose import containers, images, layers, steady

_MOST = 5


@record
class _Running:
    """What runs of a service now, and what it wrote: into its own layer, into mounted source."""

    service: str
    container: str
    layer: list[str]
    mounted: list[str]

    @property
    def wrote(self) -> list[str]:
        return [*self.layer, *self.mounted]


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
        every = [*self._linked(), *self._asked(config)]
        if config.persist.detect is not False:
            every += self._known()
            every += [item for name in self._code() for item in self._by_files(name)]
            every += [item for one in running for item in self._by_container(one)]
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
        builds = builder(self._project, service)
        working, _ = self._starts(name)
        return Inside(service, builds, self._bound, self._source, working)

    def _known(self) -> Iterator[Kept]:
        """What was kept before: nothing of it is in a container that one could look at."""
        code = {*self._code()}
        for item in known(self._home.data):
            if item.service in code and (again := self._inside(item.service).again(item)):
                yield again

    def _linked(self) -> Iterator[Kept]:
        """Databases that the project mounts as files."""
        for item in self._bound:
            if item.place == "link":
                yield self._inside(item.service).linked(item)

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

    def _by_container(self, one: _Running) -> Iterator[Kept]:
        there = self._inside(one.service)
        found: dict[str, Literal["file", "directory"]] = {}
        found |= dict.fromkeys(self._own(there, one.mounted), "file")
        found |= dict(layer.uploaded(one.wrote, lambda path: there.outside(path) in self._sent))
        found |= dict(layer.kept(one.wrote))
        for path, kind in found.items():
            yield from self._kept(there, path, kind, f"{one.service} has written it")

    @cached_property
    def _sent(self) -> frozenset[str]:
        """Every file of the source, and every directory that has one."""
        return self._shipped | persist.directories(self._shipped) | {"."}

    def _own(self, there: Inside, paths: list[str]) -> Iterator[str]:
        """What its author's machine would have for ever: files that are not the project's own, and
        those of it that are mounted one by one."""
        alone = {item.target for item in self._bound if item.file}
        for path in layer.others(paths):
            if path in alone or there.outside(path) not in self._sent:
                yield path

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

    def _running(self) -> Iterator[_Running]:
        """What runs of the app's code now, the web first."""
        code = {*self._code()}
        there = [
            one for one in containers.find(self._home.name) if one.running and one.service in code
        ]
        for one in sorted(there, key=lambda one: not one.process.startswith("web.")):
            mounted = {mount["Destination"] for mount in one.raw["Mounts"]}
            wrote = [path for path in layers.written(one.id) if path not in mounted]
            source = touched.written(one.raw["Mounts"], self._home.releases)
            yield _Running(one.service, one.id, wrote, [*source])

    def _taken(
        self, kept: Iterable[Kept], running: Iterable[_Running]
    ) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        for one in running:
            wrote = {*one.wrote}
            for item in kept:
                if item.service != one.service or item.place in found:
                    continue
                if item.path in wrote if item.kind == "file" else _files_below(item.path, wrote):
                    found[item.place] = one.container, item.path
        return found

    def _unknown(self, kept: Iterable[Kept], running: Iterable[_Running]) -> Iterator[Finding]:
        """Files that nobody said anything about, and that are gone with their container."""
        known = [item.path for item in kept]
        for one in running:
            left = [
                path
                for path in layer.others(one.wrote)
                if not any(path == top or path.startswith(f"{top}/") for top in known)
            ]
            if left:
                named = ", ".join(left[:_MOST]) + (", …" if left[_MOST:] else "")
                there = self._inside(one.service)
                says = there.outside(left[0]) or left[0].removeprefix(f"{there.working}/")
                way = f"a volume at {PurePosixPath(left[0]).parent}"
                if not says.startswith("/"):
                    way = f'holdfast.toml: [persist] paths = ["{says}"]'
                why = f"{one.service} wrote it in its container, with which it goes; {way} keeps it"
                yield Finding("not kept", named, why, level="warning")


def known(data: Path) -> list[Kept]:
    """What :func:`remember` has written down."""
    try:
        return [from_json(item, Kept) for item in json.loads((data / KNOWN).read_text())]
    except FileNotFoundError:
        return []


def remember(data: Path, kept: Iterable[Kept]) -> None:
    """Write down what is kept, before it is; with all that ever was."""
    before = {item.key: item for item in known(data)}
    every = {**before, **{item.key: item for item in kept}}
    if every != before:
        (data / KNOWN).parent.mkdir(parents=True, exist_ok=True)
        write_json(data / KNOWN, to_json([*every.values()]), mode=0o600)


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
