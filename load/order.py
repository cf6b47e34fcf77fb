"""Order: what counts as out of order, measured from outside.

The design promises that with one nginx worker the app is called strictly in order of
arrival, and with more that nobody is called after someone who came 25 ms later.
:func:`called_late` is that rule over a list of calls. What makes the list differs:

- A backend of our own (``bench hold``) writes down when it is called by whom, and the
  visitors when they sent; both are compared exactly.
- In front of a real app it is nginx's own access log (:mod:`demo.calls`): when a request
  came, and when it was passed to the app, in milliseconds. What an app stores says
  nothing about the edge: gunicorn's workers and threads, and SQLite's lock, take up in any
  order what lies before them (measured: with 2 workers of 4 threads and a stampede, every
  other POST was overtaken by one that came 25 ms later, without any edge in between).

Versions need no such care, and are judged by the answers alone: :func:`misled` and
:func:`mixed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from load.records import Record

TOLERANCE = 0.025
"""Seconds between two arrivals that several nginx workers may see in either order."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that reached the app, in seconds.

    Attributes:
        arrived: when it came.
        called: when the app was called with it, at the earliest.
        until: ... and at the latest, where that is not known exactly.
    """

    arrived: float
    called: float
    until: float | None = None


def called_late(calls: Iterable[Call], tolerance: float = 0.0, clock: float = 0.0) -> int:
    """How many were certainly called after someone who had come later.

    One who is passed by many counts once; those who passed don't count.

    Args:
        tolerance: seconds by which the arrivals must differ for their order to count.
        clock: seconds within which two calls are at the same moment: the clock's fineness.
    """
    known = list(calls)
    by_earliest = sorted(known, key=lambda one: one.called)
    by_latest = iter(sorted(known, key=_latest))
    before = next(by_latest, None)
    late, newest = 0, -inf
    for call in by_earliest:
        while before is not None and _latest(before) < call.called - clock:
            newest = max(newest, before.arrived)
            before = next(by_latest, None)
        late += newest > call.arrived + tolerance
    return late


def _latest(call: Call) -> float:
    return call.called if call.until is None else call.until


def misled(records: Iterable[Record], versions: Sequence[str], tolerance: float = TOLERANCE) -> int:
    """How many were answered by an older version than a request sent before them.

    Args:
        versions: in the order in which they were deployed.
    """
    return _older_than_earlier(records, versions, tolerance, by_answer=False)


def mixed(records: Iterable[Record], versions: Sequence[str], tolerance: float = TOLERANCE) -> int:
    """How many an old version answered after a newer one had answered somebody."""
    return _older_than_earlier(records, versions, tolerance, by_answer=True)


def _older_than_earlier(
    records: Iterable[Record], versions: Sequence[str], tolerance: float, *, by_answer: bool
) -> int:
    def moment(record: Record) -> float:
        return record.answered if by_answer or record.sent is None else record.sent

    rank = {version: place for place, version in enumerate(versions)}
    told = sorted((one for one in records if one.version in rank), key=moment)
    count, newest, seen = 0, -1, 0
    for record in told:
        while moment(told[seen]) <= moment(record) - tolerance:
            newest = max(newest, rank[told[seen].version or ""])
            seen += 1
        count += rank[record.version or ""] < newest
    return count
