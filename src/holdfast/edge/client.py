"""The edge as the engine sees it: see :class:`~holdfast.edge.contract.EdgeControl`."""

from __future__ import annotations

import fcntl
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from holdfast.app import AppSpec
from holdfast.edge import binary, logs, nginx, settings
from holdfast.edge.configs import Before, Configs
from holdfast.edge.contract import Counts, Gate, GateStatus, Mode, Target
from holdfast.edge.control import Control
from holdfast.edge.gates import Entry, GatesFile
from holdfast.errors import EdgeError
from holdfast.layout import Layout

_BOARD_SIZE = (16 + 64 * (8 + 256 * 8)) * 8
"""Header, rows and cells of doubles: ``lua/holdfast/board.lua``."""

_PATIENCE = 10.0


class Edge:
    """nginx of one machine.

    Args:
        port: where it listens; remembered. Without it what is remembered counts, then
            ``HOLDFAST_PORT``, then 8080.
        workers: nginx worker processes; remembered, one unless said otherwise.
    """

    def __init__(
        self, layout: Layout, *, port: int | None = None, workers: int | None = None
    ) -> None:
        self._home = layout.edge
        self._port = port
        self._workers = workers
        self._gates = GatesFile(self._home / "gates.json")
        self._control = Control(self._home / "control" / "control.sock")
        self._nginx = nginx.Nginx(self._home)
        self._configs = Configs(self._home)

    # the program

    def ensure(self) -> None:
        """Make nginx run with our configuration, as this Holdfast writes it; cheap when it does."""
        if not self._runs():
            with self._alone():
                self._make_run()
        self._limit_logs()

    def stop(self) -> None:
        """Stop nginx; the gates stay on disk."""
        with self._alone():
            self._nginx.stop()

    def reload(self) -> None:
        """Read the configuration again; nothing is dropped."""
        with self._alone():
            self._written()
            self._nginx.test()
            self._take_up()
        self._limit_logs()

    def upgrade(self) -> None:
        """Go on with the nginx binary that is installed now; nothing is dropped."""
        with self._alone():
            self._written()
            self._nginx.test()
            before = self._taking()
            old = self._nginx.start_beside()
            new = self._nginx.pid()
            try:
                self._await_workers(before)
            except EdgeError:
                self._nginx.retire([new] if new else [])
                raise
            self._nginx.retire([old])
            self._configs.mark_loaded()

    def info(self) -> dict[str, object]:
        """``running``, ``pid``, ``port``, ``workers``."""
        pid = self._nginx.pid()
        chosen = self._settings()
        return {
            "running": pid is not None,
            "pid": pid,
            "port": chosen.port,
            "workers": chosen.workers,
        }

    # apps

    def configure(self, spec: AppSpec) -> bool:
        """See the contract."""
        self.ensure()
        with self._alone():
            self._configs.check_domains(spec)
            before = self._configs.write_app(spec, self._settings(), self._nginx.program)
            self._test(before)
            self._limit(spec)
            self._configs.remember(spec)
            if not self._configs.loaded():
                self._take_up()
        return bool(before)

    def configured(self, app: str) -> AppSpec | None:
        """See the contract."""
        return self._configs.spec(app)

    def remove(self, app: str) -> None:
        """See the contract."""
        with self._alone():
            self._configs.forget(app)
            runs = self._nginx.pid() is not None
            if runs and not self._configs.loaded():
                self._take_up()
            if app in self._gates.read().entries:
                with self._gates.changed() as gates:
                    gates.entries.pop(app, None)
            if runs:
                self._control.refresh()

    # gates

    def hold(self, app: str, lease: float | None) -> None:
        """See the contract."""
        until = None if lease is None else time.time() + lease
        self._change(app, mode=Mode.HOLD, lease_until=until)

    def open(self, app: str, target: Target | None = None) -> None:
        """See the contract."""
        if target is None:
            self._change(app, mode=Mode.OPEN, lease_until=None)
            return
        gate = self.gate(app)
        previous = gate.previous if gate else None
        if gate and gate.target and gate.target.release != target.release:
            previous = gate.target
        self._change(app, mode=Mode.OPEN, lease_until=None, target=target, previous=previous)

    def maintenance(self, app: str, allow: tuple[str, ...] = ()) -> None:
        """See the contract."""
        self._change(app, mode=Mode.MAINTENANCE, lease_until=None, allow=allow)

    def gate(self, app: str) -> Gate | None:
        """See the contract."""
        entry = self._gates.read().entries.get(app)
        return None if entry is None else entry.gate

    def status(self, app: str | None = None) -> list[GateStatus]:
        """See the contract."""
        told = self._control.status(app)["apps"]
        entries = self._gates.read().entries
        if app is not None and app not in entries:
            raise EdgeError(f"the edge knows no app {app!r}")
        return [
            GateStatus(entry.gate, Mode(told[name]["effective"]), _counts(told[name]))
            for name, entry in sorted(entries.items())
            if name in told
        ]

    def address(self, app: str) -> str:
        """See the contract."""
        spec = self.configured(app)
        port = self._settings().port
        names = [name for name in spec.domains if "*" not in name] if spec else []
        host = names[0] if names else "localhost"
        return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"

    # pieces

    def _change(self, app: str, **changes: Any) -> None:
        with self._gates.changed() as gates:
            gates.change(app, **changes)
        self._control.refresh()

    def _settings(self) -> settings.Settings:
        return settings.wanted(self._home / "settings.json", self._port, self._workers)

    def _runs(self) -> bool:
        """Whether nginx answers, and has read what this Holdfast writes."""
        return (
            self._nginx.pid() is not None
            and self._configs.current(self._settings(), binary.locate())
            and self._control.answers()
        )

    def _make_run(self) -> None:
        """Start nginx, or have it read what has changed; we are alone."""
        if self._runs():
            return
        before = self._written()
        if self._nginx.pid() is None:
            self._start()
        elif not self._configs.loaded():
            self._test(before)
            self._take_up()
        self._await_control()

    def _written(self) -> Before:
        """The configuration as this Holdfast writes it; what was there before."""
        chosen = self._settings()
        program = self._nginx.program
        self._home.mkdir(parents=True, exist_ok=True)
        settings.remember(self._home / "settings.json", chosen)
        before = self._configs.write(chosen, program)
        self._gates.write_if_missing()
        return before

    def _start(self) -> None:
        orphans = self._nginx.orphans()
        if not (orphans and self._board_fits()):
            # With workers left from before the counts go on; else they begin at nought.
            self._fresh_board(self._nginx.program.user)
        self._nginx.retire(orphans)
        self._nginx.start()
        self._configs.mark_loaded()

    def _test(self, before: Before) -> None:
        """Have nginx check what was written; if it refuses, all is as it was."""
        if not before:
            return
        try:
            self._nginx.test()
        except EdgeError:
            self._configs.put_back(before)
            raise

    def _take_up(self) -> None:
        """Reload, and wait until only workers with the new configuration take requests."""
        before = self._taking()
        self._nginx.reload()
        self._await_workers(before, instead=True)
        self._configs.mark_loaded()

    def _taking(self) -> set[int]:
        """Process ids of the workers that take connections."""
        return {w["pid"] for w in self._control.status()["workers"] if not w["exiting"]}

    def _await_workers(self, before: set[int], *, instead: bool = False) -> None:
        """Wait until other workers take connections, beside those or instead of them."""
        wanted = self._settings().workers
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            taking = self._taking()
            if len(taking - before) >= wanted and not (instead and taking & before):
                return
            time.sleep(0.01)
        raise EdgeError(
            "nginx did not take its new configuration; the old one goes on",
            hint=f"its error log: {self._home}/logs/error.log",
            detail=self._nginx.complaints(),
        )

    def _limit(self, spec: AppSpec) -> None:
        """Give the app a gate if it has none, and the gate the spec's limits."""
        known = self._gates.read().entries.get(spec.name)
        if known is None or known.limits != spec.edge:
            with self._gates.changed() as gates:
                entry = gates.entries.get(spec.name)
                gate = entry.gate if entry else Gate(spec.name, Mode.OPEN, None)
                index = entry.index if entry else gates.free_index()
                gates.entries[spec.name] = Entry(gate, index, spec.edge)
        self._control.refresh()

    def _limit_logs(self) -> None:
        directory = self._home / "logs"
        if not logs.too_large(directory):
            return
        with self._alone():
            for log in logs.too_large(directory):
                logs.put_aside(log)
            self._nginx.reopen_logs()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time changes what nginx is to read; the lock dies with its holder."""
        self._home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            self._home / "start.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _board_fits(self) -> bool:
        board = self._home / "run" / "board"
        return board.exists() and board.stat().st_size == _BOARD_SIZE

    def _fresh_board(self, user: str | None) -> None:
        board = self._home / "run" / "board"
        board.unlink(missing_ok=True)
        with board.open("wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            if user is not None:
                owner = pwd.getpwnam(user)
                os.fchown(stream.fileno(), owner.pw_uid, owner.pw_gid)
            stream.truncate(_BOARD_SIZE)

    def _await_control(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._control.answers():
            if time.monotonic() > deadline:
                raise EdgeError(
                    "nginx runs but does not answer on its control socket",
                    hint=f"its error log: {self._home}/logs/error.log",
                    detail=self._nginx.complaints(),
                )
            time.sleep(0.005)


def _counts(told: dict[str, Any]) -> Counts:
    return Counts(
        in_flight={slot: int(number) for slot, number in told["in_flight"].items()},
        long={slot: int(number) for slot, number in told["long"].items()},
        waiting=int(told["waiting"]),
        oldest_wait=float(told["oldest_wait"]),
        down=bool(told["down"]),
    )
