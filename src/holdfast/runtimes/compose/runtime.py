"""The runtime contract, kept with Docker Compose."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.app import ComposeApp
from holdfast.command import Command, Secret
from holdfast.compose import override, overrides
from holdfast.compose.overrides import LABEL, Place
from holdfast.errors import ProcessError
from holdfast.execute import run
from holdfast.layout import Layout
from holdfast.runtimes.base import plain
from holdfast.runtimes.compose import (
    containers,
    docker,
    drift,
    network,
    output,
    ready,
    records,
    resolving,
)
from holdfast.runtimes.contract import Environment, LogLine, OneOff, Release, Slot, State, Status
from holdfast.runtimes.started import Started

REMOVE_GRACE = 10.0
_ONE_OFF = 24 * 3600.0
_PROCESS_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
_ABOUT = "Written by Holdfast, for release {release}. holdfast plan --override shows it."


class ComposeRuntime:
    """The containers of apps on this machine; we may talk to its Docker."""

    name = "compose"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def knows(self, app: str) -> bool:
        """Whether anything of the app was ever run here."""
        return records.directory(self._layout, app).is_dir()

    # ── web ──────────────────────────────────────────────────────────────────────────

    def start_web(self, release: Release, slot: Slot, env: Environment) -> str:
        """See the contract; what it depends on is up and ready before it is started."""
        app, said = release.spec.name, _said(release)
        document = self._document(release, env)
        self._ensure_services(release, document, env)
        own = document["services"][said.web].get("network_mode") == "host"
        at = None if own else network.address(app, slot)
        where = f"{at or '127.0.0.1'}:{said.port}"
        place = Place(slot, at, overrides.edge_network(app))
        ours = overrides.for_web(document, app, said, release.id, place)
        changed = self._write(f"web.{slot}", release, document, ours)
        wanted = Started(release.id, where, release.spec.web.stop_grace)
        name = f"web.{slot}"
        if not changed and records.started(self._layout, app, name) == wanted:
            if any(item.running for item in containers.find(app, name)):
                return where
        records.remember(self._layout, app, name, wanted)
        self._networks(release, document, env)
        words = ("up", "--detach", "--no-deps", "--no-build", "--force-recreate", "--timeout=1")
        self._compose(release, name, env, *words, "--scale", f"{said.web}=1", said.web)
        return where

    def stop_web(self, app: str, slot: Slot, grace: float) -> None:
        """See the contract. The container stays, ended, until the next one: for its log."""
        self._stop(app, {f"web.{slot}": grace})

    def web_address(self, app: str, slot: Slot) -> str | None:
        started = records.started(self._layout, app, f"web.{slot}")
        return started.address if started else None

    def _networks(self, release: Release, document: Mapping[str, Any], env: Environment) -> None:
        """Have Compose make the networks and volumes that the web shares with the others."""
        app, said = release.spec.name, _said(release)
        web = document["services"][said.web]
        wanted = [document["networks"][name] for name in web.get("networks") or ()]
        names = [item["name"] for item in wanted if not item.get("external")]
        volumes = document.get("volumes") or {}
        mounted = [item["source"] for item in web.get("volumes") or () if item["type"] == "volume"]
        kept = [volumes[name]["name"] for name in mounted if name in volumes]
        there = len(docker.inspect("network", names)) + len(docker.inspect("volume", kept))
        if there == len({*names}) + len({*kept}):
            return
        words = ("up", "--no-start", "--no-deps", "--no-build", said.web)
        self._compose(release, "others", env, *words)
        containers.remove(item.id for item in containers.find(app, "run") if not item.running)

    # ── other processes ──────────────────────────────────────────────────────────────

    def start_processes(self, release: Release, env: Environment) -> None:
        app, said = release.spec.name, _said(release)
        for name in said.workers:
            _check_name(name)
        gone = [name for name in self._workers(app) if name not in said.workers]
        self._stop(app, {name: self._grace(app, name) for name in gone})
        if not said.workers:
            return
        document = self._document(release, env)
        self._ensure_services(release, document, env)
        graces = {item.name: item.stop_grace for item in release.spec.processes}
        for name in said.workers:
            wanted = Started(release.id, None, graces.get(name, REMOVE_GRACE))
            records.remember(self._layout, app, name, wanted)
        words = ("up", "--detach", "--no-deps", "--no-build")
        self._compose(release, "others", env, *words, *said.workers)

    def stop_processes(self, app: str, grace: float | None = None) -> None:
        names = self._workers(app)
        asked = {name: self._grace(app, name) if grace is None else grace for name in names}
        self._stop(app, asked)

    def _workers(self, app: str) -> list[str]:
        return [name for name in records.names(self._layout, app) if not name.startswith("web.")]

    def _grace(self, app: str, name: str) -> float:
        started = records.started(self._layout, app, name)
        return started.grace if started else REMOVE_GRACE

    def _stop(self, app: str, graces: Mapping[str, float]) -> None:
        """Stop processes by name. They are forgotten last: what is half done is done again."""
        if not graces or not self.knows(app):
            return
        found = [item for item in containers.find(app) if item.process in graces]
        alive = {
            item.id: graces[item.process]
            for item in found
            if item.raw["State"]["Running"] or item.raw["State"]["Restarting"]
        }
        containers.stop(alive)
        for name in graces:
            records.forget(self._layout, app, name)

    # ── what stays up ────────────────────────────────────────────────────────────────

    def _ensure_services(
        self, release: Release, document: Mapping[str, Any], env: Environment
    ) -> None:
        """Start the steady services that do not run or are defined in another way; wait."""
        app, said = release.spec.name, _said(release)
        ours = overrides.for_others(document, app, said, release.id)
        self._write("others", release, document, ours)
        drift.remember(self._layout, app, definitions(ours, said))
        if not said.steady:
            return
        wanted = changed(app, ours, said, containers.find(app))
        if wanted:
            self._compose(
                release, "others", env, "up", "--detach", "--no-deps", "--no-build", *wanted,
                timeout=docker.PULLING,
            )  # fmt: skip
            ready.wait(app, wanted)

    def replaced(self, release: Release, env: Environment) -> tuple[str, ...]:
        """The steady services that run and would be made anew for a release."""
        app, said = release.spec.name, _said(release)
        found = containers.find(app)
        there = {item.process for item in found if item.running}
        if not there.intersection(said.steady):
            return ()
        ours = overrides.for_others(self._document(release, env), app, said, release.id)
        return tuple(name for name in changed(app, ours, said, found) if name in there)

    # ── looking ──────────────────────────────────────────────────────────────────────

    def status(self, app: str) -> list[Status]:
        if not self.knows(app):
            return []
        known = set(records.names(self._layout, app))
        try:
            there = containers.find(app)
        except ProcessError:  # no Docker, no processes; whoever starts one is told why
            return [Status(name, State.STOPPED) for name in sorted(known)]
        found = [
            containers.status(item)
            for item in there
            if item.process in known or f"{LABEL}.definition" in item.labels
        ]
        return sorted(found, key=lambda item: (not item.name.startswith("web."), item.name))

    def drift(self, app: str) -> tuple[str, ...]:
        """See the contract; without Docker there is nothing to compare with."""
        try:
            return tuple(drift.seen(self._layout, app)) if self.knows(app) else ()
        except ProcessError:
            return ()

    def log_tail(self, app: str, process: str, lines: int = 40) -> str:
        return output.tail(containers.find(app, process), lines) if self.knows(app) else ""

    def logs(
        self, app: str, processes: Sequence[str] | None, *, since: float | None, follow: bool
    ) -> Iterator[LogLine]:
        wanted = set(processes or ())
        if "web" in wanted:
            wanted = (wanted - {"web"}) | {"web.a", "web.b"}
        found = [
            item
            for item in (containers.find(app) if self.knows(app) else ())
            if processes is None or item.process in wanted
        ]
        return output.follow(found, since) if follow else output.read(found, since)

    # ── one-off commands ─────────────────────────────────────────────────────────────

    def command_environment(self, release: Release, env: Environment) -> Environment:
        """What the release's variables add to those of its image and of its Compose files."""
        return _variables(release, env)

    def one_off(
        self, release: Release, env: Environment, argv: Sequence[str], *, tty: bool
    ) -> AbstractContextManager[OneOff]:
        """See the contract: a container of the web's image that is removed when it has ended."""
        command = self._run(release, env, _said(release).web, argv, tty=tty)
        variables = {name: plain(value) for name, value in command.env.items()}
        if tty and "TERM" in os.environ:
            variables["TERM"] = os.environ["TERM"]
        return nullcontext(OneOff(command.argv, variables, release.source))

    def release_command(self, release: Release, env: Environment) -> Command:
        """See the contract."""
        command, said = release.spec.release, _said(release)
        assert command is not None
        service = command.settings.get("service")
        if service is None:
            argv: tuple[str, ...] = ("/bin/sh", "-c", command.command)
        else:
            argv = ()
        return self._run(release, env, service or said.web, argv, tty=False)

    def _run(
        self, release: Release, env: Environment, service: str, argv: Sequence[str], *, tty: bool
    ) -> Command:
        app = release.spec.name
        document = self._document(release, env)
        self._ensure_services(release, document, env)
        words = ["run", "--rm", "--no-deps", "--quiet-pull"]
        words += [] if tty else ["--no-TTY"]
        command = docker.compose(
            overrides.project_name(app),
            release.source,
            records.files(self._layout, app, "others"),
            *words,
            service,
            *argv,
            timeout=_ONE_OFF,
            env=_for_compose(env),
        )
        return replace(command, title=argv[0] if argv else service)

    # ── all of an app ────────────────────────────────────────────────────────────────

    def remove(self, app: str) -> None:
        """Stop and remove its containers and networks; volumes stay until :meth:`forget`."""
        if not self.knows(app):
            return
        found = containers.find(app)
        containers.stop({item.id: REMOVE_GRACE for item in found if item.raw["State"]["Running"]})
        containers.remove(item.id for item in found)
        for label in (f"{LABEL}.app={app}", _of_compose(app)):
            for name in docker.listed("network", f"label={label}"):
                run(docker.docker("network", "rm", name), check=False)
        for path in records.directory(self._layout, app).iterdir():
            if path.is_file():
                path.unlink()

    def forget(self, app: str) -> None:
        """Remove its volumes and images, and whatever was written down."""
        if not self.knows(app):
            return
        for name in docker.listed("volume", f"label={_of_compose(app)}"):
            docker.call(docker.docker("volume", "rm", "--force", name))
        tags = docker.call(
            docker.docker("image", "ls", "--format={{.Repository}}:{{.Tag}}", f"holdfast/{app}")
        )
        if names := tags.split():
            run(docker.docker("image", "rm", *names, timeout=docker.STARTING), check=False)
        shutil.rmtree(records.directory(self._layout, app), ignore_errors=True)

    # ── pieces ───────────────────────────────────────────────────────────────────────

    def _document(self, release: Release, env: Environment) -> dict[str, Any]:
        """The project with the release's variables in what runs the app's code."""
        said = _said(release)
        # Marks of ours differ from call to call: a database whose env_file is .env would, too.
        theirs = {name: value for name, value in env.items() if not name.startswith("HOLDFAST_")}
        document = resolving.resolve(
            overrides.project_name(release.spec.name),
            release.source,
            said.files,
            said.profiles,
            theirs,
        )
        given = {
            name: plain(value).replace("$", "$$")
            for name, value in _variables(release, env).items()
        }
        for name in (said.web, *said.workers, *said.once):
            service = document["services"].get(name)
            if service is None:
                raise ProcessError(f"{release.spec.name}: its project has no service {name} now")
            service["environment"] = {**(service.get("environment") or {}), **given}
        return document

    def _write(
        self, name: str, release: Release, document: Mapping[str, Any], ours: Mapping[str, Any]
    ) -> bool:
        project, over = records.files(self._layout, release.spec.name, name)
        text = override.text(ours, _ABOUT.format(release=release.id))
        wrote = records.write(project, document)
        return records.write(over, text) or wrote

    def _compose(
        self,
        release: Release,
        name: str,
        env: Environment,
        *argv: str,
        timeout: float = docker.STARTING,
    ) -> str:
        """Call Compose for a part of the app; a secret may say ``environment: NAME``."""
        app = release.spec.name
        slot = name.partition(".")[2]
        project = overrides.slot_project(app, slot) if slot else overrides.project_name(app)
        files = records.files(self._layout, app, name)
        directory: Path = release.source
        given = _for_compose(env)
        command = docker.compose(project, directory, files, *argv, timeout=timeout, env=given)
        return docker.call(command)


def changed(
    app: str,
    ours: Mapping[str, Any],
    said: ComposeApp,
    found: Sequence[containers.Container],
) -> list[str]:
    """The steady services that do not run as they are defined now."""
    runs = {item.process: item.labels.get(f"{LABEL}.definition") for item in found if item.running}
    wanted = definitions(ours, said)
    return [name for name, definition in wanted.items() if runs.get(name) != definition]


def definitions(ours: Mapping[str, Any], said: ComposeApp) -> dict[str, str]:
    """The hash of what each steady service is made of."""
    return {
        name: ours["services"][name]["labels"][f"{LABEL}.definition"]
        for name in said.steady
        if name in ours["services"]
    }


def _said(release: Release) -> ComposeApp:
    said = release.spec.compose
    if said is None:
        raise ProcessError(f"{release.spec.name}: release {release.id} is no Compose project")
    return said


def _variables(release: Release, env: Environment) -> dict[str, str | Secret]:
    ours = {"HOLDFAST_APP": release.spec.name, "HOLDFAST_RELEASE": release.id}
    return {**env, **ours}


def _for_compose(env: Environment) -> Environment:
    """What ``environment: NAME`` of a secret may name; no settings of Compose itself."""
    return {name: value for name, value in env.items() if not name.startswith("COMPOSE_")}


def _of_compose(app: str) -> str:
    return f"com.docker.compose.project={overrides.project_name(app)}"


def _check_name(name: str) -> None:
    if name in ("engine", "web", "run", "others") or not _PROCESS_NAME.match(name):
        raise ProcessError(
            f"a process cannot be called {name!r}",
            hint="engine, web, run and others are taken; letters, digits, - and _ are fine",
        )
