"""The runtime contract, kept with systemd."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from holdfast.account import Account
from holdfast.app import Process, Web
from holdfast.command import Command
from holdfast.errors import ProcessError
from holdfast.files import write_atomic
from holdfast.layout import Layout
from holdfast.runtimes import base
from holdfast.runtimes.contract import Environment, LogLine, OneOff, Release, Slot, State, Status
from holdfast.runtimes.started import Started, port_address
from holdfast.runtimes.systemd import (
    accounts,
    control,
    engine,
    journal,
    oneoff,
    records,
    systemctl,
    units,
)
from holdfast.runtimes.systemd.records import Record, Wanted
from holdfast.runtimes.systemd.systemctl import Properties

REMOVE_GRACE = 10.0

ENGINE = (sys.executable, "-P", "-m", "holdfast.agent", "run")
"""``-P`` keeps the working directory off the import path."""

BOOT_UNIT = "holdfast-boot.service"

_PROCESS_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")

_STATES = {
    "active": State.RUNNING,
    "reloading": State.RUNNING,
    "activating": State.STARTING,
    "deactivating": State.STOPPING,
    "failed": State.FAILED,
}


class SystemdRuntime:
    """Processes as units of this machine; we are root.

    Args:
        engine: the command that runs an app's engine, without the app's name.
    """

    name = "systemd"

    def __init__(self, layout: Layout, engine: Sequence[str] = ENGINE) -> None:
        self._layout = layout
        self._engine_command = tuple(engine)

    def ensure(self) -> None:
        """See the contract: systemd runs; at boot it is to look after interrupted deploys."""
        python = base.own_python(self._layout)
        argv = (python, "-P", "-m", "holdfast.agent", "boot")
        wanted = units.boot_unit(argv, self._layout.root)
        file = records.UNITS / BOOT_UNIT
        if not file.exists() or file.read_text() != wanted:
            write_atomic(file, wanted)
            systemctl.reload()
        records.enable(BOOT_UNIT)

    def account(self, app: str) -> Account:
        """See the contract."""
        self._layout.make()
        return accounts.ensure(self._layout.app(app))

    def forget_account(self, app: str) -> None:
        """See the contract."""
        accounts.remove(self._layout.app(app))

    # ── web ──────────────────────────────────────────────────────────────────────────

    def prepare_web(self, release: Release, slot: Slot, env: Environment) -> None:
        """Nothing: what it needs is written in the moment in which it is started."""

    def start_web(self, release: Release, slot: Slot, env: Environment) -> str:
        web = release.spec.web
        record = self._record(release.spec.name, f"web.{slot}")
        socket = record.socket if web.listen == "unix" else None
        address = f"unix:{socket}" if socket else self._port_address(release, record)
        where = {"HOLDFAST_SOCKET": str(socket)} if socket else {"PORT": address.split(":")[1]}
        started = Started(release.id, address, web.stop_grace)
        self._start(record, started, web, release, {**env, **where}, socket)
        return address

    def stop_web(self, app: str, slot: Slot, grace: float) -> None:
        control.stop({self._record(app, f"web.{slot}"): grace})

    def web_address(self, app: str, slot: Slot) -> str | None:
        started = self._record(app, f"web.{slot}").started
        return started.address if started else None

    def _port_address(self, release: Release, record: Record) -> str:
        others = [
            self._record(app, f"web.{slot}").started
            for app in self._layout.apps()
            for slot in ("a", "b")
        ]
        return port_address(release.id, record.started, others)

    # ── other processes ──────────────────────────────────────────────────────────────

    def start_processes(self, release: Release, env: Environment) -> None:
        app = release.spec.name
        wanted = {process.name for process in release.spec.processes}
        found = [self._record(app, name) for name in self._names(app) if name not in wanted]
        control.stop({item: item.grace for item in found})
        for process in release.spec.processes:
            _check_name(process.name)
            record = self._record(app, process.name)
            started = Started(release.id, None, process.stop_grace)
            self._start(record, started, process, release, env)

    def prepare_processes(self, release: Release, env: Environment) -> None:
        """Nothing: what they need is written in the moment in which they are started."""

    def stop_processes(self, app: str, grace: float | None = None) -> None:
        found = [self._record(app, name) for name in self._names(app)]
        control.stop({item: item.grace if grace is None else grace for item in found})

    def _names(self, app: str) -> list[str]:
        """The processes besides the web that are to run or still do."""
        return [name for name in self._started(app) if name not in ("web.a", "web.b")]

    def _started(self, app: str) -> list[str]:
        home = records.directory(self._layout, app)
        return sorted(path.name.removesuffix(".json") for path in home.glob("*.json"))

    # ── looking ──────────────────────────────────────────────────────────────────────

    def status(self, app: str) -> list[Status]:
        found = [self._record(app, name) for name in self._started(app)]
        known = systemctl.show([record.unit for record in found])
        return [_status(record, known[record.unit]) for record in found if record.started]

    def log_tail(self, app: str, process: str, lines: int = 40) -> str:
        since = records.born(self._layout, app)
        return "" if since is None else journal.tail(self._unit(app, process), lines, since)

    def logs(
        self, app: str, processes: Sequence[str] | None, *, since: float | None, follow: bool
    ) -> Iterator[LogLine]:
        names = set(records.units_of(app).values()) if processes is None else set(processes)
        if processes is None or "web" in names:
            names = (names - {"web"}) | {"web.a", "web.b"}
        found = {self._unit(app, name): name for name in names}
        since = max(since or 0.0, records.born(self._layout, app) or 0.0)
        if follow:
            return journal.follow(found, since=since)
        return journal.read(found, since=since)

    def _unit(self, app: str, process: str) -> str:
        return engine.unit_name(app) if process == "engine" else self._record(app, process).unit

    def command_environment(self, release: Release, env: Environment) -> Environment:
        account = self.account(release.spec.name)
        return base.process_environment(release, self._layout, env, account)

    def one_off(
        self, release: Release, env: Environment, argv: Sequence[str], *, tty: bool
    ) -> AbstractContextManager[OneOff]:
        web, name = release.spec.web, release.spec.name
        home, directory = self._layout.app(name), records.directory(self._layout, name)
        records.make_directory(directory)
        return oneoff.sandboxed(
            units.sandbox(
                self.account(name), (home.data, home.run, home.user_home), web.memory, web.tasks
            ),
            self.command_environment(release, env),
            argv,
            directory=directory,
            where=release.source / web.directory,
            app=name,
            tty=tty,
        )

    def release_command(self, release: Release, env: Environment) -> Command:
        whole = self.command_environment(release, env)
        return base.release_command(release, whole, self.account(release.spec.name))

    # ── engine ───────────────────────────────────────────────────────────────────────

    def start_engine(self, app: str) -> None:
        self._layout.make()
        engine.start(self._layout, app, self._engine_command)

    def stop_engine(self, app: str) -> None:
        engine.stop(app)

    def replaced(self, release: Release, env: Environment) -> tuple[str, ...]:
        return ()

    def drift(self, app: str) -> tuple[str, ...]:
        return ()

    def remove(self, app: str) -> None:
        names = {*self._started(app), *records.units_of(app).values(), "web.a", "web.b"}
        control.stop({self._record(app, name): REMOVE_GRACE for name in names})
        engine.stop(app)
        for unit in records.units_of(app):
            (records.UNITS / unit).unlink(missing_ok=True)
        systemctl.reload()
        shutil.rmtree(records.directory(self._layout, app), ignore_errors=True)

    # ── pieces ───────────────────────────────────────────────────────────────────────

    def _record(self, app: str, name: str) -> Record:
        return Record(self._layout, app, name)

    def _start(
        self,
        record: Record,
        started: Started,
        said: Web | Process,
        release: Release,
        env: Environment,
        socket: Path | None = None,
    ) -> None:
        account = self.account(record.app)
        whole = base.process_environment(release, self._layout, env, account)
        where = release.source / said.directory
        home = record.home
        process = units.Process(
            about=f"{record.name} of {record.app} (Holdfast)",
            identifier=f"{record.app}.{record.name}",
            account=account,
            launcher=record.launcher,
            environment=record.env,
            writable=(home.data, home.run, home.user_home),
            grace=said.stop_grace,
            memory=said.memory,
            tasks=said.tasks,
        )
        wanted = Wanted(
            started,
            base.exports(whole),
            records.launcher(record, where, said.command, socket),
            units.app_unit(process, systemctl.version()),
        )
        control.start(record, wanted, account)


def _status(record: Record, known: Properties) -> Status:
    state = _STATES.get(known["ActiveState"], State.STOPPED)
    if known["SubState"].startswith("auto-restart"):
        state = State.BACKOFF
    running = state in (State.STARTING, State.RUNNING, State.STOPPING)
    since = "ActiveEnterTimestampMonotonic" if running else "InactiveEnterTimestampMonotonic"
    started = record.started
    return Status(
        record.name,
        state,
        pid=int(known["MainPID"] or 0) or None,
        since=systemctl.unix_time(known.get(since, "0")),
        restarts=int(known["NRestarts"] or 0),
        exit_status=None if running else int(known["ExecMainStatus"] or 0),
        release=started.release if started else None,
    )


def _check_name(name: str) -> None:
    if name in ("engine", "web") or not _PROCESS_NAME.match(name):
        raise ProcessError(
            f"a process cannot be called {name!r}",
            hint="web and engine are taken; letters, digits, hyphens and underscores are fine",
        )
