"""Let requests wait in line while an app's process is replaced outside of a deploy."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from holdfast.edge.contract import EdgeControl, Gate, Mode
from holdfast.errors import EdgeError

LEASE = 60.0
"""Seconds after which the gates open by themselves: longer than ending and starting can take."""

DRAIN = 5.0
"""Seconds that requests in flight get; the app then has its own grace to finish them."""


@contextmanager
def standstill(edge: EdgeControl, apps: Sequence[str]) -> Iterator[None]:
    """For the block the open gates of ``apps`` hold, and nothing is in flight behind them.

    Gates that hold already, or are in maintenance, belong to somebody else and are left alone.
    """
    held = [gate for app in apps if (gate := _held(edge, app)) is not None]
    try:
        _drain(edge, held)
        yield
    finally:
        for gate in held:
            # Who has told the gate something else meanwhile is right.
            if edge.gate(gate.app) == gate:
                with suppress(EdgeError):
                    edge.open(gate.app)


def _held(edge: EdgeControl, app: str) -> Gate | None:
    """The gate as it holds now, if it was open."""
    before = edge.gate(app)
    if before is None or before.mode is not Mode.OPEN:
        return None
    with suppress(EdgeError):  # nginx does not run; what it will read is written all the same
        edge.hold(app, LEASE)
    return edge.gate(app)


def _drain(edge: EdgeControl, gates: Sequence[Gate]) -> None:
    deadline = time.monotonic() + DRAIN
    with suppress(EdgeError):
        while any(_in_flight(edge, gate.app) for gate in gates) and time.monotonic() < deadline:
            time.sleep(0.01)


def _in_flight(edge: EdgeControl, app: str) -> int:
    return sum(sum(one.counts.in_flight.values()) for one in edge.status(app))
