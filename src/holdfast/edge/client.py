"""The edge as the engine sees it: see :class:`~holdfast.edge.contract.EdgeControl`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from holdfast.app import AppSpec
from holdfast.edge import tls
from holdfast.edge.configs import Configs
from holdfast.edge.contract import Counts, Gate, GateStatus, Mode, Target
from holdfast.edge.control import Control
from holdfast.edge.gates import Entry, GatesFile
from holdfast.edge.service import Service
from holdfast.edge.settings import HTTP
from holdfast.errors import EdgeError
from holdfast.layout import Layout
from holdfast.tls.domains import wants_acme

if TYPE_CHECKING:
    from holdfast.edge.unit import EdgeUnit


class Edge:
    """nginx of one machine.

    Args:
        port: where it listens; remembered. Without it what is remembered counts, then
            ``HOLDFAST_PORT``, then 8080.
        workers: nginx worker processes; remembered, one unless said otherwise.
        under_systemd: it is a unit of this machine, which is there for visitors: on port 80 of
            all addresses unless something else is said.
        tls_port: where HTTPS listens; remembered. Without it ``HOLDFAST_TLS_PORT``, then 443
            beside 80, and nowhere beside any other port.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        port: int | None = None,
        workers: int | None = None,
        under_systemd: bool = False,
        tls_port: int | None = None,
    ) -> None:
        home = layout.edge
        self._gates = GatesFile(home / "gates.json")
        self._control = Control(home / "control" / "control.sock")
        self._configs = Configs(home)
        unit = _unit(layout) if under_systemd else None
        asked = (port, workers, tls_port)
        self._service = Service(home, self._configs, self._control, asked, unit)

    # the program

    def ensure(self) -> None:
        """Make nginx run with our configuration, as this Holdfast writes it; cheap when it does."""
        self._gates.write_if_missing()
        self._service.ensure()

    def before_start(self) -> None:
        """What systemd has done before it starts nginx: see :meth:`Service.before_start`."""
        self._gates.write_if_missing()
        self._service.before_start()

    def stop(self) -> None:
        """Stop nginx; the gates stay on disk."""
        self._service.stop()

    def reload(self) -> None:
        """Read the configuration again; nothing is dropped."""
        self._service.reload()

    def upgrade(self) -> None:
        """Go on with the nginx binary that is installed now; nothing is dropped."""
        self._service.upgrade()

    def take_up_update(self) -> tuple[str, ...]:
        """See the contract."""
        return self._service.take_up_update()

    def limit_logs(self) -> None:
        """See the contract."""
        self._service.limit_logs()

    def info(self) -> dict[str, object]:
        """``running``, ``pid``, ``port``, ``tls_port``, ``workers``."""
        pid = self._service.pid()
        chosen = self._service.settings()
        return {
            "running": pid is not None,
            "pid": pid,
            "port": chosen.port,
            "tls_port": chosen.tls,
            "workers": chosen.workers,
        }

    # apps

    def check_domains(self, app: str, domains: Sequence[str]) -> None:
        """See the contract."""
        self._configs.check_domains(app, domains)

    def configure(self, spec: AppSpec) -> bool:
        """See the contract."""
        self.ensure()
        with self._service.alone():
            before = self._configs.write_app(spec, self._service.settings(), self._service.program)
            self._service.test(before)
            self._limit(spec)
            self._configs.remember(spec)
            self._service.take_up_changes()
        return bool(before)

    def refresh_certificate(self, app: str) -> bool:
        """See the contract."""
        spec = self._configs.spec(app)
        if spec is None:
            return False
        with self._service.alone():
            before = self._configs.write_app(spec, self._service.settings(), self._service.program)
            self._service.test(before)
            if self._service.pid() is not None:
                self._service.take_up_changes()
        return bool(before)

    def configured(self, app: str) -> AppSpec | None:
        """See the contract."""
        return self._configs.spec(app)

    def remove(self, app: str) -> None:
        """See the contract."""
        with self._service.alone():
            runs = self._service.pid() is not None
            self._configs.forget(app)
            if runs:
                self._service.take_up_changes()
            if app in self._gates.read().entries:
                with self._gates.changed() as gates:
                    gates.entries.pop(app, None)
            if runs:
                self._control.refresh()

    # gates

    def hold(self, app: str, lease: float | None) -> None:
        """See the contract."""
        with self._gates.changed() as gates:
            # Here, not before: others may have kept us from the file for a while.
            until = None if lease is None else time.time() + lease
            gates.hold(app, until)
        self._control.refresh()

    def hold_on(self, app: str, lease: float) -> None:
        """See the contract."""
        with self._gates.changed() as gates:
            gates.hold(app, time.time() + lease)

    def open(
        self, app: str, target: Target | None = None, *, end_maintenance: bool = False
    ) -> None:
        """See the contract."""
        with self._gates.changed() as gates:
            gates.open(app, target, end_maintenance=end_maintenance)
        self._control.refresh()

    def maintenance(self, app: str, allow: tuple[str, ...] = ()) -> None:
        """See the contract."""
        with self._gates.changed() as gates:
            gates.change(app, mode=Mode.MAINTENANCE, lease_until=None, allow=allow, back=None)
        self._control.refresh()

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
        settings = self._service.settings()
        names = [name for name in spec.domains if "*" not in name] if spec else []
        host = names[0] if names else "localhost"
        secured = self._configs.secured(spec, settings) if spec else None
        if secured and host in secured.names:
            return f"https://{host}{tls.redirect_port(settings)}/"
        port = settings.port
        return f"http://{host}/" if port == HTTP else f"http://{host}:{port}/"

    def scheme(self, spec: AppSpec) -> Literal["http", "https"]:
        """See the contract."""
        settings = self._service.settings()
        if self._configs.secured(spec, settings):
            return "https"
        wanted = settings.tls is not None and (spec.tls.certificate or wants_acme(spec))
        return "https" if wanted else "http"

    # pieces

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


def _counts(told: dict[str, Any]) -> Counts:
    return Counts(
        in_flight={slot: int(number) for slot, number in told["in_flight"].items()},
        long={slot: int(number) for slot, number in told["long"].items()},
        waiting=int(told["waiting"]),
        oldest_wait=float(told["oldest_wait"]),
        down=bool(told["down"]),
    )


def _unit(layout: Layout) -> EdgeUnit:
    from holdfast.edge.unit import EdgeUnit

    return EdgeUnit(layout)
