"""The making of a release that Docker runs: its project read and decided, its images built."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from holdfast.app import AppSpec, ComposeApp, Finding
from holdfast.command import Secret
from holdfast.compose import (
    external,
    fronts,
    handed,
    inside,
    kinds,
    mounts,
    overrides,
    roles,
    unnamed,
    variables,
)
from holdfast.compose.dangers import dangers
from holdfast.compose.given import Bind
from holdfast.compose.project import Project, directory, read
from holdfast.compose.roles import Roles
from holdfast.config import Config
from holdfast.environment import EnvStore
from holdfast.errors import BuildError, CommandFailed, DetectionError, ProcessError
from holdfast.layout import AppLayout, Layout
from holdfast.masking import masking
from holdfast.protocol import Emit, Event, Kind
from holdfast.releases import confined, copies, persist, places, touched
from holdfast.releases.build import Built
from holdfast.releases.contained import Finder, Found, Volumes, remember, volumes
from holdfast.releases.contract import Source
from holdfast.releases.failures import of_image, of_system, stopped
from holdfast.releases.unpack import unpack
from holdfast.runtimes.base import plain
from holdfast.runtimes.compose import (
    api,
    docker,
    images,
    network,
    records,
    resolving,
    shared,
)
from holdfast.runtimes.contract import Release

_Said = TypeVar("_Said")
_ASSIGNED = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*[=:]", re.MULTILINE)
"""What has a value in a file of variables, as Compose reads it."""


class ComposedBuild:
    """One build; ``path`` is the release's own directory, made and empty.

    Args:
        machine: the runtime of this machine's own processes.
        earlier: the app's releases that are whole.
    """

    def __init__(
        self,
        home: AppLayout,
        path: Path,
        config: Config,
        store: EnvStore,
        emit: Emit,
        should_stop: Callable[[], bool],
        machine: str = "",
        earlier: Callable[[], Sequence[Release]] = tuple,
    ) -> None:
        self._machine = machine
        self._earlier = earlier
        self._confined = False
        self._home = home
        self._layout = Layout(home.root)
        self._path = path
        self._source = path / "src"
        self._config = config
        self._emit = emit
        self._should_stop = should_stop
        self._env: dict[str, str | Secret] = {**(config.env or {}), **store.load()}
        kept = (item.value for item in self._env.values() if isinstance(item, Secret))
        self._masked = masking(kept)
        self._owners: dict[str, tuple[int, int] | None] = {}

    def run(self, source: Source) -> Built:
        """Build.

        Raises:
            BuildError: the project is refused, a variable is missing, or a build failed.
            DetectionError: no service is the web, or several may be.
            ProcessError: there is no Docker.
            Cancelled: ``should_stop`` said so.
        """
        self._confined = source.confined
        try:
            spec = self._run(source)
        except OSError as error:
            raise of_system("build the release", error, self._home.home) from None
        return Built(spec, self._home.envs / "compose", None)

    def _run(self, source: Source) -> AppSpec:
        from holdfast.detect import composed

        names = unpack(source.archive, self._source)
        shipped = frozenset(name for name in names if not name.startswith(f"{images.DIRECTORY}/"))
        stopped(self._should_stop)
        if not records.directory(self._layout, self._home.name).is_dir():
            self._check_docker()
        records.make(self._layout, self._home.name)
        files, findings = composed.files(self._config, self._source)
        self._check_confined(files)
        self._check_variables(files)
        document = self._resolve(files)
        project = read(document)
        said = self._config.compose
        chosen = self._roles(project, files)
        paths = [self._source / name for name in files]
        roles.check_published(chosen, said.publish or ())
        self._check_handed(document, chosen)
        self._expect(document, chosen)
        bound = list(mounts.binds(project, chosen, self._source, shipped))
        for error in mounts.awaited(bound, self._home.data):
            raise error
        built = self._images(document, chosen)
        kept = self._volumes(project, chosen, bound, built)
        document = unnamed.put_in(document, kept.named)
        project = read(document)
        found = self._inside(project, chosen, bound, built, shipped)
        alone = found.alone or mounts.alone(project, chosen, bound, self._source) or chosen.mixes
        compose = self._decided(document, chosen, bound, files, built, kept, found)
        told = dangers(project, chosen, bound, paths, self._env, compose.publish)
        findings += [
            *chosen.findings,
            *self._lacking(files, paths),
            *told,
            *variables.told_here(project, chosen.code, self._plain(), paths),
            *unnamed.told(kept.named),
            *found.told,
            *_of_docker(),
        ]
        spec = composed.resolve(self._config, project, chosen, compose, bound, alone, findings)
        self._keep(spec, project, bound, shipped)
        self._provide(found, project, built)
        (self._path / touched.BUILT).write_text(
            overrides.shown(document, self._home.name, compose, self._path.name)
        )
        return spec

    def _check_confined(self, files: tuple[str, ...]) -> None:
        if not self._confined:
            return
        confined.check_variables(self._config.env or {})
        profiles = self._config.compose.profiles or ()
        confined.check_readable(self._source, files, profiles, self._env, self._home.name)

    def _roles(self, project: Project, files: tuple[str, ...]) -> Roles:
        said = self._config.compose
        try:
            known = fronts.find(project, self._source)
            chosen = roles.assign(project, said.web, said.port, known)
        except DetectionError:
            # What is off may be what is meant; Compose leaves it out unless it is asked for all.
            with suppress(BuildError):
                every = self._asking(partial(resolving.resolve, everything=True), files)
                roles.check_profiles(project, read(every))
            raise
        if self._confined:
            paths = [self._source / name for name in files]
            confined.check_reach(project.raw, chosen, self._source, paths, self._home.name)
        return chosen

    def _decided(
        self,
        document: Mapping[str, Any],
        chosen: Roles,
        bound: list[Bind],
        files: tuple[str, ...],
        built: dict[str, str],
        kept: Volumes,
        found: Found,
    ) -> ComposeApp:
        """What is kept of the project; ``built`` are its images."""
        said = self._config.compose
        links = {item.key for item in found.kept if item.kind == "file"}
        dropped = [
            key for item in bound if (key := _key(item)) in links or item.place in ("drop", "link")
        ]
        services = read(document).services
        deaf = tuple(name for name in chosen.slot if kinds.deaf(services[name]))
        return ComposeApp(
            files=files,
            web=chosen.web,
            port=_checked(chosen.port or images.exposed(built[chosen.web]), chosen.web),
            workers=chosen.workers,
            steady=chosen.steady,
            once=chosen.once,
            images=places.linked(found, built, self._tag),
            profiles=said.profiles or (),
            dropped=(*dropped, *kept.masks),
            fixed=dict(self._places(document, chosen, bound)),
            **({} if said.build_cache is None else {"build_cache": said.build_cache}),
            publish=said.publish or (),
            behind=chosen.behind,
            beside=chosen.beside,
            deaf=deaf,
            ports=chosen.ports,
            proxy=chosen.proxy,
            ending=chosen.ending,
            named=kept.named,
            kept={
                key: str(self._home.data / place)
                for key, place in inside.mounts_of(found.kept).items()
            },
            taken={
                str(self._home.data / place): ":".join(where)
                for place, where in found.taken.items()
            },
        )

    def _resolve(self, files: tuple[str, ...], *, interpolate: bool = True) -> dict[str, Any]:
        return self._asking(partial(resolving.resolve, interpolate=interpolate), files)

    def _asking(self, ask: Callable[..., _Said], files: tuple[str, ...]) -> _Said:
        """Ask Compose something about the project."""
        try:
            return ask(
                overrides.project_name(self._home.name),
                self._source,
                files,
                self._config.compose.profiles or (),
                self._env,
            )
        except ProcessError as error:
            raise self._without_docker(error) from error

    def _without_docker(self, lacking: ProcessError) -> ProcessError:
        """What is lacking, and the other way for a project that nobody said anything about.

        Never taken by itself: Docker that is down for a moment would turn an app of containers,
        with its volumes, into processes without its data.
        """
        if self._config.app.runtime == "compose" or not self._machine:
            return lacking
        way = f'or, without Docker, holdfast.toml: [app] runtime = "{self._machine}"'
        return ProcessError(
            f"{lacking.message}, and the project has a Compose file",
            hint=f"{lacking.hint}; {way}",
            detail=lacking.detail,
        )

    def _check_docker(self) -> None:
        """See once, for an app that is new here, that its Compose will do."""
        try:
            lacking = docker.too_old()
        except CommandFailed:
            lacking = docker.absent()
        if lacking is not None:
            raise self._without_docker(lacking)

    def _check_variables(self, files: tuple[str, ...]) -> None:
        """Refuse a project whose variables nobody has set: Compose would put nothing there."""
        if not self._asking(resolving.lacks, files):
            return
        uses = variables.uses(self._resolve(files, interpolate=False))
        shipped = _shipped_variables(directory(self._source, files))
        lacking = variables.missing(uses, {*self._env, *shipped})
        if lacking:
            paths = [self._source / name for name in files]
            named = [
                f"{name} ({variables.line_of(name, paths) or where})"
                for name, where in sorted(lacking.items())
            ]
            raise BuildError(
                f"variables of the Compose files are not set: {', '.join(named)}",
                hint=f"holdfast env set {next(iter(sorted(lacking)))}, or holdfast deploy"
                " --env-file .env.production; the .env of your machine is for development",
            )

    def _lacking(self, files: tuple[str, ...], paths: list[Path]) -> Iterator[Finding]:
        """Files of variables that were not sent."""
        missing = self._asking(resolving.not_sent, files)
        return variables.not_sent(missing, self._source, paths, kept=bool(self._env))

    def _images(self, document: Mapping[str, Any], chosen: Roles) -> dict[str, str]:
        # A database of one's own Dockerfile; others are what their names say.
        built = (name for name in chosen.steady if document["services"][name].get("build"))
        try:
            wanted = images.Wanted(
                self._home.name,
                self._path.name,
                document,
                (*chosen.code, *built),
                self._source,
                self._env,
                pulled=self._config.compose.build == "pull",
            )
            place = self._path / "build.json"
            return images.obtain(wanted, place, self._line, self._should_stop, self._told)
        except ProcessError as error:
            stopped(self._should_stop)
            detail = None if error.detail is None else self._masked(error.detail)
            raise of_image(error, detail, images.place()) from error
        finally:
            (self._path / "build.json").unlink(missing_ok=True)

    def _volumes(
        self, project: Project, chosen: Roles, bound: list[Bind], built: dict[str, str]
    ) -> Volumes:
        """The volumes without a name."""
        return volumes(self._home.name, project, chosen, bound, built, self._line)

    def _inside(
        self,
        project: Project,
        chosen: Roles,
        bound: list[Bind],
        built: dict[str, str],
        shipped: frozenset[str],
    ) -> Found:
        """What containers write where no volume is."""
        home, source, env = self._home, self._source, self._plain()
        finder = Finder(home, project, chosen, bound, source, shipped, env, built)
        return finder.find(self._config)

    def _plain(self) -> dict[str, str]:
        return {name: plain(value) for name, value in self._env.items()}

    def _provide(self, found: Found, project: Project, built: dict[str, str]) -> None:
        def give(path: Path, service: str) -> None:
            if (who := self._owner(service, built[service], project)) is not None:
                os.chown(path, *who, follow_symlinks=False)

        remember(self._home.data, found.kept)
        places.provide(found, self._home.data, self._source, built, give)
        places.link(found, self._source)

    def _owner(self, service: str, image: str, project: Project) -> tuple[int, int] | None:
        """Whom a service runs as; ``None`` for root."""
        if service not in self._owners:
            user = str(project.services[service].raw.get("user") or "")
            self._owners[service] = images.owner(image, user)
        return self._owners[service]

    def _tag(self, name: str) -> str:
        return f"holdfast/{self._home.name}:{self._path.name}.{name}"

    def _keep(
        self, spec: AppSpec, project: Project, bound: list[Bind], shipped: frozenset[str]
    ) -> None:
        """Keep what services write to; the links come after the images, to be in none of them."""
        if self._confined:
            earlier = (release.spec for release in self._earlier())
            confined.check_places(spec, earlier, self._home.data)
        new = [item for item in spec.persist if not (self._home.data / item.path).exists()]
        put = {item.path for item in bound if item.awaited}
        persist.link(spec.persist, self._source, self._home.data, shipped, self._note)
        for item in new:
            path = self._home.data / item.path
            if item.kind == "directory":
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        for item in spec.persist:
            if item in new or item.path in put:
                self._give(self._home.data / item.path, item.path, spec, project, bound)
        for given in bound:
            if given.place == "release" and given.writable and not given.file:
                self._give(self._source / given.path, given.path, spec, project, bound)

    def _give(
        self, path: Path, name: str, spec: AppSpec, project: Project, bound: list[Bind]
    ) -> None:
        """Let whoever the container runs as write there."""
        assert spec.compose is not None
        service = next(item.service for item in bound if item.path == name)
        if (image := spec.compose.images.get(service)) is None:
            return
        if (who := self._owner(service, image, project)) is not None:
            for part in (path, *path.rglob("*")):
                os.chown(part, *who, follow_symlinks=False)

    def _places(
        self, document: Mapping[str, Any], chosen: Roles, bound: list[Bind]
    ) -> Iterator[tuple[str, str]]:
        """Where mounts are that outlive the release: a database must not see it come and go."""
        for name, where in mounts.directories(document, self._source).items():
            if where.is_relative_to(self._source):
                yield f"volumes:{name}", ""
        for item in bound:
            if item.place == "fixed":
                yield _key(item), self._fixed(item.path)
            elif item.place == "data":
                yield _key(item), str(self._home.data / item.path)
        for given in handed.files(document, chosen.steady, self._source):
            yield given.key, self._fixed(given.path)

    def _check_handed(self, document: Mapping[str, Any], chosen: Roles) -> None:
        """Refuse files that were not sent."""
        names = chosen.everything
        for item in handed.not_sent(document, names, self._source):
            raise handed.lacking(item)
        for away in mounts.outside(read(document), names, self._source):
            raise away

    def _expect(self, document: Mapping[str, Any], chosen: Roles) -> None:
        """See that external networks are there, and refuse to go without an external volume.

        A network has nothing in it that could be missing; a volume has somebody's data.
        """
        names = chosen.everything
        for missing in mounts.lacking(read(document), names, self._source):
            raise missing
        wanted = external.volumes(document, names)
        there = {str(item["Name"]) for item in api.inspect("volume", wanted)}
        if lacking := [name for name in wanted if name not in there]:
            way = f"docker volume create {lacking[0]}, and what belongs in it"
            raise BuildError(
                f"the volume {lacking[0]} is external, and this server has none of that name",
                hint=f"holdfast ssh, then {way}",
            )
        shared.check(read(document), chosen.steady, self._home.name)
        for name in external.networks(document, names):
            if network.make(name):
                self._note(f"the external network {name} was not there, and was made")

    def _fixed(self, path: str) -> str:
        home = records.make(self._layout, self._home.name) / "files"
        return str(copies.keep(self._source / path, home, self._source, self._path.name))

    def _line(self, line: str) -> None:
        self._emit(Event(Kind.LOG, {"source": "build", "line": self._masked(line)}))

    def _told(self, text: str) -> None:
        """A note with words of others in it."""
        self._note(self._masked(text))

    def _note(self, text: str) -> None:
        self._emit(Event(Kind.NOTE, {"text": text}))


def _of_docker() -> Iterator[Finding]:
    """What is said of the server's Docker."""
    if not api.info()["LiveRestoreEnabled"]:
        why = "an update or a crash of Docker stops every container; server setup --docker mends it"
        yield Finding("docker", "live-restore is off", why, level="warning")


def _key(bind: Bind) -> str:
    return f"volumes:{bind.volume}" if bind.volume else f"{bind.service}:{bind.target}"


def _checked(port: int | None, web: str) -> int:
    if port is None:
        raise BuildError(
            f"nothing says on which port the service {web} listens",
            hint="holdfast.toml: [compose] port = 8000, or EXPOSE 8000 in its Dockerfile",
        )
    return port


def _shipped_variables(home: Path) -> frozenset[str]:
    """The names in a ``.env`` that is part of the source, in the project's directory."""
    path = home / ".env"
    text = path.read_text(errors="replace") if path.is_file() else ""
    return frozenset(_ASSIGNED.findall(text))
