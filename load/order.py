"""Order: what counts as out of order, measured from outside.

The design promises that with one nginx worker the app is called strictly in order of
arrival, and with more that nobody is called after someone who came 25 ms later.

A backend of our own (``bench hold``) writes down the order in which it is called, and
that is compared exactly: :func:`called_late`. In front of a real app we see less: when
a request was sent, when its answer came, and of a POST when the app took it up, by the time that
the app stored with it. Several threads and processes of an app may
take up requests that lie before it at the same time in any order, and that is not the
edge's doing. So :func:`overtaken` counts only what an edge that keeps order cannot do:
**A was overtaken by B if A was sent 25 ms or more before B, and yet B's whole answer was
back before the app took up A.**

Versions are stricter, since they don't depend on the app's threads: :func:`misled` and
:func:`mixed`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf

from load.records import Record

TOLERANCE = 0.025
"""Seconds between two arrivals that several nginx workers may see in either order."""


def called_late(calls: Sequence[tuple[float, int]], tolerance: float = 0.0) -> int:
    """How many were called after someone who came later.

    Args:
        calls: in the order of the calls: when each was sent (seconds), and its place
            among all that were sent.
        tolerance: seconds by which the other must have come later; with 0 the places
            alone decide.
    """
    late, newest_sent, newest_place = 0, -inf, -1
    for sent, place in calls:
        if (newest_sent > sent + tolerance) if tolerance else (newest_place > place):
            late += 1
        newest_sent, newest_place = max(newest_sent, sent), max(newest_place, place)
    return late


def overtaken(records: Iterable[Record], epoch: float, tolerance: float = TOLERANCE) -> int:
    """How many were overtaken, as defined above; ``epoch`` is the run's."""
    told = sorted(
        (record for record in records if record.started is not None and not record.failed),
        key=_sent,
    )
    count, earliest_answer, later = 0, inf, len(told)
    for record in reversed(told):
        while later and _sent(told[later - 1]) >= _sent(record) + tolerance:
            later -= 1
            earliest_answer = min(earliest_answer, told[later].answered + epoch)
        assert record.started is not None
        count += earliest_answer < record.started
    return count


def misled(records: Iterable[Record], versions: Sequence[str], tolerance: float = TOLERANCE) -> int:
    """How many were answered by an older version than a request sent before them.

    Args:
        versions: in the order in which they were deployed.
    """
    rank = {version: place for place, version in enumerate(versions)}
    told = sorted((record for record in records if record.version in rank), key=_sent)
    count, newest, seen = 0, -1, 0
    for record in told:
        while _sent(told[seen]) <= _sent(record) - tolerance:
            newest = max(newest, rank[told[seen].version or ""])
            seen += 1
        count += rank[record.version or ""] < newest
    return count


def mixed(records: Iterable[Record], versions: Sequence[str], tolerance: float = TOLERANCE) -> int:
    """How many an old version answered after a newer one had answered somebody."""
    rank = {version: place for place, version in enumerate(versions)}
    told = sorted(
        (record for record in records if record.version in rank), key=lambda one: one.answered
    )
    count, newest, seen = 0, -1, 0
    for record in told:
        while told[seen].answered <= record.answered - tolerance:
            newest = max(newest, rank[told[seen].version or ""])
            seen += 1
        count += rank[record.version or ""] < newest
    return count


def _sent(record: Record) -> float:
    return record.began if record.sent is None else record.sent
