"""The runtime contract, kept with supervisord."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from holdfast.app import Process
from holdfast.command import Command
from holdfast.errors import ProcessError
from holdfast.layout import Layout
from holdfast.runtimes import base, logs
from holdfast.runtimes.contract import Environment, LogLine, OneOff, Release, Slot, State, Status
from holdfast.runtimes.started import Started, port_address
from holdfast.runtimes.supervisor import programs, starter
from holdfast.runtimes.supervisor.control import Control
from holdfast.runtimes.supervisor.programs import Program, Wanted
from holdfast.runtimes.systemd.accounts import NGINX_USERS

ENGINE_STOP_TIMEOUT = 600.0
"""Seconds that :meth:`SupervisorRuntime.stop_engine` waits for a deploy to be undone."""

REMOVE_GRACE = 10.0

ENGINE = (sys.executable, "-P", "-m", "holdfast.agent", "run")
"""``-P`` keeps the working directory off the import path: it is the app's, not ours."""

_PROCESS_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")

_LOOKS_RUNNING = 1.0
"""Seconds after which a process that lives is shown as running."""

_STATES = {
    0: State.STOPPED,
    10: State.STARTING,
    20: State.RUNNING,
    30: State.BACKOFF,
    40: State.STOPPING,
    100: State.BACKOFF,  # EXITED: it is started again at once
    200: State.FAILED,
    1000: State.FAILED,
}


class SupervisorRuntime:
    """Processes under the supervisord of one ROOT.

    Args:
        engine: the command that runs an app's engine, without the app's name.
        quiet: keeps requests away while web processes that lost their supervisord are replaced.
    """

    name = "supervisor"

    def __init__(
        self,
        layout: Layout,
        engine: Sequence[str] = ENGINE,
        quiet: starter.Quiet = starter.nobody_asks,
    ) -> None:
        self._layout = layout
        self._quiet = quiet
        self._engine_command = tuple(engine)
        self._control = Control(starter.control_socket(layout))

    def ensure(self) -> None:
        starter.ensure(self._layout, self._quiet)

    def account(self, app: str) -> None:
        """As ourselves: supervisord is where there is no root, or no systemd to isolate apps."""

    def forget_account(self, app: str) -> None:
        """There is none."""

    # ── web ──────────────────────────────────────────────────────────────────────────

    def prepare_web(self, release: Release, slot: Slot, env: Environment) -> None:
        """Nothing: what it needs is written in the moment in which it is started."""

    def start_web(self, release: Release, slot: Slot, env: Environment) -> str:
        _close(self._layout.app(release.spec.name).home)
        web, program = release.spec.web, self._program(release.spec.name, f"web.{slot}")
        socket = program.socket if web.listen == "unix" else None
        address = f"unix:{socket}" if socket else self._port_address(release, program)
        where = {"HOLDFAST_SOCKET": str(socket)} if socket else {"PORT": address.split(":")[1]}
        script = programs.launcher(program, release.source / web.directory, web.command, socket)
        started = Started(release.id, address, web.stop_grace)
        self._start(program, started, {**env, **where}, release, script)
        return address

    def stop_web(self, app: str, slot: Slot, grace: float) -> None:
        self._control.stop({self._program(app, f"web.{slot}"): grace})

    def web_address(self, app: str, slot: Slot) -> str | None:
        started = self._program(app, f"web.{slot}").started
        return started.address if started else None

    def _port_address(self, release: Release, program: Program) -> str:
        others = [
            Program(self._layout, app, f"web.{slot}").started
            for app in self._layout.apps()
            for slot in ("a", "b")
        ]
        return port_address(release.id, program.started, others)

    # ── other processes ──────────────────────────────────────────────────────────────

    def start_processes(self, release: Release, env: Environment) -> None:
        wanted = {process.name for process in release.spec.processes}
        found = [self._program(release.spec.name, name) for name in self._names(release.spec.name)]
        self._control.stop({item: item.grace for item in found if item.name not in wanted})
        for process in release.spec.processes:
            self._start_process(release, process, env)

    def _start_process(self, release: Release, process: Process, env: Environment) -> None:
        _check_name(process.name)
        program = self._program(release.spec.name, process.name)
        script = programs.launcher(program, release.source / process.directory, process.command)
        started = Started(release.id, None, process.stop_grace)
        self._start(program, started, env, release, script)

    def prepare_processes(self, release: Release, env: Environment) -> None:
        """Nothing: what they need is written in the moment in which they are started."""

    def stop_processes(self, app: str, grace: float | None = None) -> None:
        found = [self._program(app, name) for name in self._names(app)]
        self._control.stop({item: item.grace if grace is None else grace for item in found})

    def _names(self, app: str) -> list[str]:
        """The processes besides the web that are to run or still do."""
        names = {info["group"].removeprefix(f"{app}.") for info in self._known(app)}
        names |= {path.stem.removeprefix(f"{app}.") for path in self._confs(app)}
        return sorted(names - {"web.a", "web.b"})

    # ── looking ──────────────────────────────────────────────────────────────────────

    def status(self, app: str) -> list[Status]:
        known = {info["group"]: info for info in self._known(app)}
        groups = sorted({*known, *(path.stem for path in self._confs(app))})
        return [self._status(app, group, known.get(group)) for group in groups]

    def _status(self, app: str, group: str, info: Mapping[str, Any] | None) -> Status:
        program = self._program(app, group.removeprefix(f"{app}."))
        started = program.started
        release = started.release if started else None
        if info is None:
            return Status(program.name, State.STOPPED, release=release)
        state = _STATES[info["state"]]
        running = state in (State.STARTING, State.RUNNING, State.STOPPING)
        if state is State.STARTING and info["now"] - info["start"] >= _LOOKS_RUNNING:
            state = State.RUNNING
        return Status(
            program.name,
            state,
            pid=info["pid"] or None,
            since=float(info["start"] if running else info["stop"]) or None,
            restarts=program.restarts(),
            exit_status=None if running else info["exitstatus"],
            release=release,
        )

    def log_tail(self, app: str, process: str, lines: int = 40) -> str:
        return logs.tail(self._program(app, process).log, lines)

    def logs(
        self, app: str, processes: Sequence[str] | None, *, since: float | None, follow: bool
    ) -> Iterator[LogLine]:
        files = self._log_files(app, processes)
        return logs.follow(files, since) if follow else logs.read(files(), since)

    def _log_files(
        self, app: str, processes: Sequence[str] | None
    ) -> Callable[[], dict[str, Path]]:
        wanted = set(processes) if processes is not None else None
        if wanted is not None and "web" in wanted:
            wanted |= {"web.a", "web.b"}

        def files() -> dict[str, Path]:
            found = {path.stem: path for path in self._layout.app(app).logs.glob("*.log")}
            if wanted is None:
                return {name: path for name, path in found.items() if name != "engine"}
            return {name: path for name, path in found.items() if name in wanted}

        return files

    def command_environment(self, release: Release, env: Environment) -> Environment:
        return base.process_environment(release, self._layout, env)

    def one_off(
        self, release: Release, env: Environment, argv: Sequence[str], *, tty: bool
    ) -> AbstractContextManager[OneOff]:
        variables = {
            name: base.plain(value)
            for name, value in self.command_environment(release, env).items()
        }
        if tty and "TERM" in os.environ:
            variables["TERM"] = os.environ["TERM"]
        where = release.source / release.spec.web.directory
        return nullcontext(OneOff(tuple(argv), variables, where))

    def release_command(self, release: Release, env: Environment) -> Command:
        whole = self.command_environment(release, env)
        return base.release_command(release, whole, None)

    # ── engine ───────────────────────────────────────────────────────────────────────

    def start_engine(self, app: str) -> None:
        program = self._engine(app)
        env = {**base.machine_environment(), "HOLDFAST_ROOT": str(self._layout.root)}
        command = shlex.join([*self._engine_command, app])
        script = programs.engine_launcher(program, command)
        conf = programs.engine_file(program)
        wanted = Wanted(Started("engine"), base.exports(env), script, conf)
        if self._control.ending(program):
            self._control.end({program: ENGINE_STOP_TIMEOUT})
        if program.conf.exists() and self._control.running(program):
            return
        self._begin(program, wanted)

    def stop_engine(self, app: str) -> None:
        program = self._engine(app)
        pid = self._control.pid(program)
        if pid is not None and pid != os.getpid():
            self._control.end({program: ENGINE_STOP_TIMEOUT})

    def replaced(self, release: Release, env: Environment) -> tuple[str, ...]:
        return ()

    def drift(self, app: str) -> tuple[str, ...]:
        return ()

    def remove(self, app: str) -> None:
        names = [*self._names(app), "web.a", "web.b"]
        self._control.stop({self._program(app, name): REMOVE_GRACE for name in names})
        engine = self._engine(app)
        if self._control.pid(engine) == os.getpid():
            engine.forget()
        else:
            self._control.stop({engine: ENGINE_STOP_TIMEOUT})

    def shutdown(self) -> None:
        """End supervisord and all that runs under it; :meth:`ensure` starts it all again."""
        starter.shutdown(self._layout)

    # ── programs ─────────────────────────────────────────────────────────────────────

    def _program(self, app: str, name: str) -> Program:
        return Program(self._layout, app, name)

    def _engine(self, app: str) -> Program:
        return Program(self._layout, app, "engine", group=f"engine-{app}")

    def _start(
        self, program: Program, started: Started, env: Environment, release: Release, script: str
    ) -> None:
        whole = base.process_environment(release, self._layout, env)
        patience = max(started.grace, release.spec.policy.longest_hold)
        conf = programs.program_file(program, stop_wait=patience)
        self._begin(program, Wanted(started, base.exports(whole), script, conf))

    def _begin(self, program: Program, wanted: Wanted) -> None:
        self.ensure()
        self._layout.app(program.app).make()
        program.home.logs.chmod(0o700)
        self._control.start(program, wanted)

    def _known(self, app: str) -> list[Mapping[str, Any]]:
        return [info for info in self._control.all() if info["group"].startswith(f"{app}.")]

    def _confs(self, app: str) -> list[Path]:
        return sorted((self._layout.supervisor / "conf.d").glob(f"{app}.*.ini"))


def _close(home: Path) -> None:
    """Let nobody into an app's directories but us and nginx: its socket believes who comes."""
    mode, group = 0o700, -1
    if os.geteuid() == 0:
        users = {item.pw_name: item.pw_gid for item in pwd.getpwall()}
        groups = [users[name] for name in NGINX_USERS if name in users]
        if not groups:
            return  # nginx is nobody then, as many are
        mode, group = 0o750, groups[0]
    there = home.stat()
    if group not in (-1, there.st_gid):
        os.chown(home, -1, group)
    if there.st_mode & 0o7777 != mode:
        home.chmod(mode)


def _check_name(name: str) -> None:
    if name in ("engine", "web") or not _PROCESS_NAME.match(name):
        raise ProcessError(
            f"a process cannot be called {name!r}",
            hint="web and engine are taken; letters, digits, hyphens and underscores are fine",
        )
