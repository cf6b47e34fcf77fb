"""A running edge with apps behind it, and clients in front."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import SystemRandom
from typing import Any

from holdfast.app import AppSpec, Dependencies, Static, Web
from holdfast.app import Edge as Options
from holdfast.edge.client import Edge
from holdfast.edge.contract import Counts, Mode, Target
from holdfast.errors import EdgeError
from holdfast.layout import Layout
from holdfast.runtimes.contract import Slot
from tests.edge.backend import Backend
from tests.edge.wire import PATIENCE, Client, Response

_BAD = re.compile(r"\[(emerg|alert|crit)\](?!.* connect\(\) to )|lua")
"""What must not be logged, whatever clients and apps do; that an app is away is said."""

APP = "app"
HOST = "app.test"


def free_port() -> int:
    """A port nobody listens on, below those the kernel gives to outgoing connections."""
    for _ in range(200):
        port = SystemRandom().randrange(10_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError("no free port")


def eventually(condition: Callable[[], object], what: str, patience: float = PATIENCE) -> None:
    """Wait until it is so; fail with ``what`` when it never is."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.005)


@dataclass(slots=True)
class Site:
    """An edge under ``root``; one app named ``app`` at ``app.test`` unless told otherwise."""

    edge: Edge
    root: Path
    port: int
    backends: list[Backend] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)

    # apps

    def configure(
        self,
        app: str = APP,
        *,
        domains: tuple[str, ...] | None = None,
        static: tuple[Static, ...] = (),
        **options: Any,
    ) -> AppSpec:
        """Tell the edge of an app; ``options`` are those of :class:`holdfast.app.Edge`."""
        spec = AppSpec(
            app,
            domains or (f"{app}.test",),
            "command",
            Dependencies("none"),
            Web("none"),
            static=static,
            edge=replace(Options(), **options),
        )
        self.edge.configure(spec)
        return spec

    def backend(self, name: str = "web", **options: Any) -> Backend:
        """A started app that the gate does not lead to yet."""
        made = Backend(self.root / f"{name}.{len(self.backends)}.sock", **options).start()
        self.backends.append(made)
        return made

    def target(self, backend: Backend, slot: Slot = "a", release: str = "r1") -> Target:
        source = self.root / release
        source.mkdir(exist_ok=True)
        return Target(slot, backend.address, release, str(source))

    def open(
        self,
        backend: Backend | None = None,
        slot: Slot = "a",
        release: str | None = None,
        app: str = APP,
    ) -> None:
        """Open the gate, to a backend or to the last good target, as a person says."""
        where = self.target(backend, slot, release or f"r-{slot}") if backend else None
        self.edge.open(app, where, end_maintenance=True)

    def hold(self, lease: float | None = None, app: str = APP) -> None:
        self.edge.hold(app, lease)

    def serve(self, **options: Any) -> Backend:
        """The usual start: the app configured, a backend, the gate open to it."""
        self.configure(**options)
        backend = self.backend()
        self.open(backend)
        return backend

    # what the edge says

    def counts(self, app: str = APP) -> Counts:
        return self.edge.status(app)[0].counts

    def effective(self, app: str = APP) -> Mode:
        return self.edge.status(app)[0].effective

    def waiting(self, number: int, app: str = APP) -> None:
        """Return when so many wait in line."""
        eventually(lambda: self.counts(app).waiting == number, f"{number} in line")

    def in_flight(self, number: int, slot: Slot = "a", app: str = APP) -> None:
        """Return when the slot has so many in flight."""
        eventually(
            lambda: self.counts(app).in_flight[slot] == number, f"{number} in flight in {slot}"
        )

    def idle(self, app: str = APP) -> None:
        """Return when the edge counts nothing of the app any more."""

        def nothing() -> bool:
            counts = self.counts(app)
            return not (
                counts.waiting or any(counts.in_flight.values()) or any(counts.long.values())
            )

        deadline = time.monotonic() + PATIENCE
        while not nothing():
            assert time.monotonic() < deadline, f"{app}: counts leaked: {self.counts(app)}"
            time.sleep(0.01)

    def pid(self) -> int:
        """The master's."""
        pid = self.edge.info()["pid"]
        assert isinstance(pid, int)
        return pid

    @property
    def error_log(self) -> str:
        return (self.root / "edge" / "logs" / "error.log").read_text()

    def forget_log(self) -> None:
        """What a test has provoked on purpose is no sign of trouble."""
        (self.root / "edge" / "logs" / "error.log").write_text("")

    # clients

    def client(self, host: str = HOST) -> Client:
        made = Client(self.port, host)
        self.clients.append(made)
        return made

    def ask(
        self, target: str = "/", method: str = "GET", host: str = HOST, **rest: Any
    ) -> Response:
        """A request on a connection of its own."""
        client = self.client(host)
        response = client.ask(target, method, **rest)
        client.close()
        return response

    def crowd(self, count: int, prefix: str = "/", host: str = HOST, **rest: Any) -> list[Client]:
        """So many clients who ask ``prefix0``, ``prefix1``, … in this order, and don't read."""
        return [self.client(host).send(f"{prefix}{i}", **rest) for i in range(count)]

    # the end

    def finish(self) -> None:
        """Everybody goes home; then the edge must count nobody, and have logged no error."""
        try:
            for backend in self.backends:
                backend.resume()
            for client in self.clients:
                client.close()
            if self.edge.info()["running"]:
                for status in self.edge.status():
                    self.idle(status.gate.app)
                worst = [line for line in self.error_log.splitlines() if _BAD.search(line)]
                assert not worst, worst[:10]
        finally:
            self.edge.stop()
            for backend in self.backends:
                backend.crash()


def make_site(root: Path, **options: Any) -> Site:
    """A started edge under ``root``, which nginx's workers can enter."""
    root.chmod(0o755)
    layout = Layout(root)
    layout.make()
    port = options.pop("port", None) or free_port()
    site = Site(Edge(layout, port=port, **options), root, port)
    try:
        site.edge.ensure()
    except EdgeError as error:
        error.add_note(site.error_log)
        raise
    return site
