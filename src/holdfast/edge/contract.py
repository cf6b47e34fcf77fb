"""What the engine tells the edge, and what it hears back.

A gate is a value. The file ``edge/gates.json`` holds the gates of all apps, written
atomically by :class:`~holdfast.edge.client.Edge` alone; nginx's workers read it when they
start and whenever they are told that its generation has grown. What a gate means at a
moment is a function of the file and the clock, so a lease ends without anybody writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal, Protocol

from holdfast.app import AppSpec
from holdfast.records import record
from holdfast.runtimes.contract import Slot


class Mode(StrEnum):
    OPEN = "open"
    HOLD = "hold"
    MAINTENANCE = "maintenance"


@record
class Target:
    """Where an open gate leads: a slot, its address, and the release that listens there.

    ``address`` is ``unix:/path`` or ``127.0.0.1:PORT``; ``source`` is the absolute path of
    the release's source, from which static files are served.
    """

    slot: Slot
    address: str
    release: str
    source: str


@record
class Gate:
    """One app's gate.

    Attributes:
        target: the last good target. While holding, it is where the gate opens to when
            the lease runs out.
        previous: the target before, whose static files old pages may still ask for.
        lease_until: Unix time at which a hold ends by itself; ``None`` for a hold that a
            person asked for without an end.
        allow: networks let through in maintenance.
        back: what the gate is once a hold with a lease is over, if not open.
    """

    app: str
    mode: Mode
    target: Target | None
    previous: Target | None = None
    lease_until: float | None = None
    allow: tuple[str, ...] = ()
    back: Mode | None = None


@record
class Counts:
    """What the edge has of one app at this moment, over all nginx workers.

    ``in_flight`` and ``long`` are by slot: requests the app is answering, and WebSockets,
    event streams and downloads. ``waiting`` is the line. ``oldest_wait`` is in seconds.
    """

    in_flight: dict[str, int]
    long: dict[str, int]
    waiting: int
    oldest_wait: float
    down: bool = False


@record
class GateStatus:
    gate: Gate
    effective: Mode
    counts: Counts


class EdgeControl(Protocol):
    """The engine's view of the edge. All errors are :class:`~holdfast.errors.EdgeError`.

    Each call that changes a gate returns when every nginx worker has heard it, and can be
    made twice.
    """

    def ensure(self) -> None:
        """Make nginx run with our config; starts it or leaves it alone."""

    def check_domains(self, app: str, domains: Sequence[str]) -> None:
        """See that the app can have these domains; :meth:`configure` asks again, for two apps may
        be deployed at once.

        Raises:
            EdgeError: another app has one of them, or one is no host name.
        """

    def take_up_update(self) -> tuple[str, ...]:
        """Go on with the nginx that is installed if the one that runs was replaced on disk.

        Its libraries count as well. No request is dropped; where there is nothing to do it
        takes 1 ms.

        Returns:
            the files that were replaced, and run no more.
        """

    def limit_logs(self) -> None:
        """Put aside logs that have grown too large; a look takes under 1 ms."""

    def configure(self, spec: AppSpec) -> bool:
        """Write the app's server block (domains, static files, limits, pages).

        Reloads nginx when something changed (nothing is dropped by that).

        Returns:
            whether something changed.
        """

    def refresh_certificate(self, app: str) -> bool:
        """Serve the app with the certificate that is installed now; starts nothing.

        Returns:
            whether anything changed for nginx.
        """

    def scheme(self, spec: AppSpec) -> Literal["http", "https"]:
        """How visitors reach the app, or will as soon as it has a certificate."""

    def configured(self, app: str) -> AppSpec | None:
        """The spec that the edge was last configured with."""

    def remove(self, app: str) -> None:
        """Forget the app: its gate and its server block."""

    def hold(self, app: str, lease: float | None) -> None:
        """Let requests wait in line from now on; renew the lease if they already do."""

    def hold_on(self, app: str, lease: float) -> None:
        """As :meth:`hold`, while nginx does not run: it learns of it when it starts."""
        ...

    def open(
        self, app: str, target: Target | None = None, *, end_maintenance: bool = False
    ) -> None:
        """Open the gate, to ``target`` or to the last good one, and let the line drain.

        Args:
            end_maintenance: also where it is in maintenance, or was before it held; else that
                goes on, with the new target for those whom it lets through.
        """

    def maintenance(self, app: str, allow: tuple[str, ...] = ()) -> None:
        """Answer 503 with the app's page, except to ``allow``."""

    def gate(self, app: str) -> Gate | None:
        """The gate as it was last told, or ``None`` for an app the edge does not know."""

    def status(self, app: str | None = None) -> list[GateStatus]:
        """Gates and counts, of one app or of all."""

    def info(self) -> dict[str, object]:
        """What one asks of nginx: ``running``, ``pid``, ``port``, ``tls_port``, ``workers``."""

    def address(self, app: str) -> str:
        """The URL under which a person reaches the app from this machine."""
