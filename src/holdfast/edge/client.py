"""The edge as the engine sees it: see :class:`~holdfast.edge.contract.EdgeControl`."""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holdfast.app import AppSpec
from holdfast.codec import from_json, to_json
from holdfast.edge import nginx, render, settings
from holdfast.edge.contract import Counts, Gate, GateStatus, Mode, Target
from holdfast.edge.control import Control
from holdfast.edge.gates import Entry, GatesFile
from holdfast.errors import EdgeError
from holdfast.files import write_atomic, write_json
from holdfast.layout import Layout

_BOARD_SIZE = (16 + 64 * (8 + 256 * 8)) * 8
"""Header, rows and cells of doubles: ``lua/holdfast/board.lua``."""


class Edge:
    """nginx of one machine.

    Args:
        port: where it listens; remembered. Without it what is remembered counts, then
            ``HOLDFAST_PORT``, then 8080.
        workers: nginx worker processes; remembered, one unless said otherwise.
    """

    def __init__(self, layout: Layout, *, port: int | None = None, workers: int | None = None) -> None:
        self._home = layout.edge
        self._port = port
        self._workers = workers
        self._gates = GatesFile(self._home / "gates.json")
        self._control = Control(self._home / "control" / "control.sock")
        self._nginx = nginx.Nginx(self._home)

    # the program

    def ensure(self) -> None:
        """Make nginx run; cheap when it does."""
        if self._nginx.pid() is not None and self._control.answers():
            return
        with self._starting():
            if self._nginx.pid() is not None:
                self._await_control()
                return
            self._prepare()
            self._nginx.start()
            self._await_control()

    def stop(self) -> None:
        """Stop nginx; the gates stay on disk."""
        self._nginx.stop()

    def reload(self) -> None:
        """Read the configuration again; nothing is dropped."""
        self._nginx.reload()

    def upgrade(self) -> None:
        """Go on with the nginx binary that is installed now; nothing is dropped."""
        self._nginx.upgrade()

    def info(self) -> dict[str, object]:
        """``running``, ``pid``, ``port``, ``workers``."""
        pid = self._nginx.pid()
        chosen = settings.load(self._home / "settings.json") or settings.Settings()
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
        with self._gates.changed() as gates:
            known = gates.entries.get(spec.name)
            if known is None:
                gate = Gate(spec.name, Mode.OPEN, None)
                gates.entries[spec.name] = Entry(gate, gates.free_index(), spec.edge)
            else:
                gates.entries[spec.name] = Entry(known.gate, known.index, spec.edge)
        self._check_domains(spec)
        changed = self._write_app(spec)
        write_json(self._spec_file(spec.name), to_json(spec), mode=0o600)
        if changed:
            self._reload_checked(spec.name)
        self._control.refresh()
        return changed

    def configured(self, app: str) -> AppSpec | None:
        """See the contract."""
        import json

        try:
            return from_json(json.loads(self._spec_file(app).read_text()), AppSpec)
        except FileNotFoundError:
            return None

    def remove(self, app: str) -> None:
        """See the contract."""
        with self._gates.changed() as gates:
            gates.entries.pop(app, None)
        self._spec_file(app).unlink(missing_ok=True)
        config = self._app_file(app)
        if config.exists():
            config.unlink()
            if self._nginx.pid() is not None:
                self._nginx.reload()
        if self._nginx.pid() is not None:
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
        port = self.info()["port"]
        host = spec.domains[0] if spec and spec.domains else "localhost"
        return f"http://{host}/" if port == 80 else f"http://{host}:{port}/"

    # pieces

    def _change(self, app: str, **changes: Any) -> None:
        with self._gates.changed() as gates:
            gates.change(app, **changes)
        self._control.refresh()

    def _app_file(self, app: str) -> Path:
        return self._home / "apps" / f"{app}.conf"

    def _spec_file(self, app: str) -> Path:
        return self._home / "apps" / f"{app}.json"

    def _settings(self) -> settings.Settings:
        return settings.choose(self._home / "settings.json", self._port, self._workers)

    def _write_app(self, spec: AppSpec) -> bool:
        """Write the server block; the one before stays beside it until nginx took the new."""
        text = render.app_config(self._home, self._settings(), nginx.find(), spec)
        path = self._app_file(spec.name)
        before = path.read_text() if path.exists() else None
        if before == text:
            return False
        write_atomic(path, text)
        try:
            self._nginx.test()
        except EdgeError:
            if before is None:
                path.unlink()
            else:
                write_atomic(path, before)
            raise
        return True

    def _reload_checked(self, app: str) -> None:
        """Reload, and wait until only workers with the new configuration take requests."""
        before = {worker["pid"] for worker in self._control.status()["workers"]}
        self._nginx.reload()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            taking = {w["pid"] for w in self._control.status()["workers"] if not w["exiting"]}
            if taking and not taking & before:
                return
            time.sleep(0.01)
        raise EdgeError(
            f"{app}: nginx did not take its new configuration",
            hint="its error log: ROOT/edge/logs/error.log",
        )

    def _check_domains(self, spec: AppSpec) -> None:
        """Two apps cannot have one domain: nginx would give it to the first."""
        for path in (self._home / "apps").glob("*.json"):
            if path.stem == spec.name:
                continue
            other = self.configured(path.stem)
            both = set(spec.domains) & set(other.domains) if other else set()
            if both:
                raise EdgeError(
                    f"{spec.name}: the domain {sorted(both)[0]} belongs to the app {path.stem}",
                    hint="give one of them another: [app] domains",
                )

    @contextmanager
    def _starting(self) -> Iterator[None]:
        self._home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._home / "start.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _prepare(self) -> None:
        """Directories, pages, a fresh board, the main configuration."""
        program = nginx.find()
        for name in ("apps", "logs", "run", "tmp", "control", "pages"):
            (self._home / name).mkdir(parents=True, exist_ok=True)
        (self._home / "control").chmod(0o700)
        for page in render.package_directory("pages").glob("*.html"):
            write_atomic(self._home / "pages" / page.name, page.read_bytes())
        shutil.copyfile(render.package_directory("templates") / "mime.types", self._home / "mime.types")
        self._gates.write_if_missing()
        self._fresh_board(program.user)
        write_atomic(
            self._home / "nginx.conf", render.main_config(self._home, self._settings(), program)
        )
        if program.user is not None:
            _check_reachable(self._home, program.user)

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
        deadline = time.monotonic() + 10
        while not self._control.answers():
            if time.monotonic() > deadline:
                raise EdgeError(
                    "nginx runs but does not answer on its control socket",
                    hint="its error log: ROOT/edge/logs/error.log",
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


def _check_reachable(home: Path, user: str) -> None:
    """nginx's workers run as ``user`` and must be able to enter the directories above."""
    for directory in (home, *home.parents):
        if not directory.stat().st_mode & 0o001:
            raise EdgeError(
                f"{directory}: nginx's workers ({user}) cannot enter it",
                hint=f"chmod o+x {directory}, or choose another HOLDFAST_ROOT",
            )
