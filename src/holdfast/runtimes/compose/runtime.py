"""The runtime contract, kept with Docker Compose: who of this package does what."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

from holdfast.command import Command
from holdfast.compose.overrides import ENDS, LABEL
from holdfast.errors import ProcessError
from holdfast.layout import Layout
from holdfast.runtimes.base import plain
from holdfast.runtimes.compose import (
    commands,
    containers,
    drift,
    output,
    processes,
    records,
    released,
    removing,
    steady,
    web,
)
from holdfast.runtimes.compose.released import Released
from holdfast.runtimes.contract import Environment, LogLine, OneOff, Release, Slot, State, Status


class ComposeRuntime:
    """The containers of apps on this machine; we may talk to its Docker."""

    name = "compose"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def knows(self, app: str) -> bool:
        """Whether anything of the app was ever run here."""
        return records.directory(self._layout, app).is_dir()

    def _one(self, release: Release, env: Environment) -> Released:
        return Released(self._layout, release, env)

    # ── processes ────────────────────────────────────────────────────────────────────

    def prepare_web(self, release: Release, slot: Slot, env: Environment) -> None:
        web.prepare(self._one(release, env), slot)

    def start_web(self, release: Release, slot: Slot, env: Environment) -> str:
        """See the contract; what it depends on is up and ready before it is started."""
        return web.start(self._one(release, env), slot)

    def stop_web(self, app: str, slot: Slot, grace: float) -> None:
        """See the contract. The container stays, ended, until the next one: for its log."""
        processes.stop(self._layout, app, {f"web.{slot}": grace})

    def web_address(self, app: str, slot: Slot) -> str | None:
        started = records.started(self._layout, app, f"web.{slot}")
        return started.address if started else None

    def start_processes(self, release: Release, env: Environment) -> None:
        processes.start_workers(self._one(release, env))

    def prepare_processes(self, release: Release, env: Environment) -> None:
        processes.prepare_workers(self._one(release, env))

    def stop_processes(self, app: str, grace: float | None = None) -> None:
        processes.stop_workers(self._layout, app, grace)

    def replaced(self, release: Release, env: Environment) -> tuple[str, ...]:
        """The steady services that run and would be made anew for a release that can be run."""
        one = self._one(release, env)
        one.check_images()
        return steady.replaced(one)

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
            if item.process in known or f"{LABEL}.definition" in item.labels or ENDS in item.labels
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
        return released.variables(release, env)

    def one_off(
        self, release: Release, env: Environment, argv: Sequence[str], *, tty: bool
    ) -> AbstractContextManager[OneOff]:
        """See the contract: a container of the web's image that is removed when it has ended."""
        command = commands.one_off(self._one(release, env), argv, tty=tty)
        variables = {name: plain(value) for name, value in command.env.items()}
        if tty and "TERM" in os.environ:
            variables["TERM"] = os.environ["TERM"]
        return nullcontext(OneOff(command.argv, variables, release.source))

    def release_command(self, release: Release, env: Environment) -> Command:
        """See the contract."""
        return commands.release_command(self._one(release, env))

    # ── all of an app ────────────────────────────────────────────────────────────────

    def remove(self, app: str) -> None:
        """Stop and remove its containers and networks; volumes stay until :meth:`forget`."""
        if self.knows(app):
            removing.remove(self._layout, app)

    def forget(self, app: str) -> None:
        """Remove its volumes and images, and whatever was written down."""
        if self.knows(app):
            removing.forget(self._layout, app)
