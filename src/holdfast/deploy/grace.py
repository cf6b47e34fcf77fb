"""How long a release that was asked to end may take, while somebody waits for that."""

from __future__ import annotations

from holdfast.edge.contract import Counts
from holdfast.runtimes.contract import Slot

_OF_LONG = 3.0
"""Seconds for event streams, WebSockets and downloads once nothing else is in flight."""


def until_killed(counts: Counts, slot: Slot, grace: float) -> float:
    """Seconds from TERM to KILL.

    Servers that were asked to end wait for event streams, which have no end, for as long as they
    may (uvicorn and gunicorn: 28 of the usual 30 s, measured). Behind a hold all visitors would
    wait with them, behind a slot the next deploy.

    Args:
        grace: what the app has for it where nobody waits, or a request is still in flight.
    """
    if counts.in_flight.get(slot, 0) or not counts.long.get(slot, 0):
        return grace
    return min(grace, _OF_LONG)
