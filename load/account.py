"""The sum of a run: what the visitors saw, in a few numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from load.ledger import Ledger, balance
from load.order import TOLERANCE, Call, called_late, misled, mixed
from load.records import Run

LOG_CLOCK = 0.02
"""Seconds by which two calls in a log must differ to tell their order: nginx keeps its time
for a turn of its loop, which is longest where the machine is too busy."""


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a run.

    Attributes:
        requests: how many were taken up.
        failed: those not answered with the right body and a status of 2xx or 3xx:
            refused, cut, late, or answered with an error.
        errors: the reasons, and how often.
        called_late, misled, mixed: see :mod:`load.order`.
        versions: answers by version.
        greatest_wait: seconds; ``median_wait`` likewise.
        lag: seconds by which the generator itself was late at the worst. Where this is
            not small against the waits, the machine was too busy to measure.
        retried: GETs sent again, see :class:`~load.records.Record`.
    """

    requests: int
    failed: int
    errors: dict[str, int]
    ledger: Ledger
    called_late: int
    misled: int
    mixed: int
    versions: dict[str, int]
    greatest_wait: float
    median_wait: float
    lag: float
    retried: int

    @property
    def out_of_order(self) -> int:
        return self.called_late + self.misled + self.mixed

    @property
    def clean(self) -> bool:
        """Every request got its one right answer, in order, and every POST ran once."""
        stored = self.ledger.lost + self.ledger.doubled + self.ledger.unseen
        return not (self.failed or self.out_of_order or stored)


def account(
    run: Run,
    versions: Sequence[str] = (),
    stored: Iterable[str] = (),
    calls: Iterable[Call] = (),
    *,
    tolerance: float = TOLERANCE,
) -> Account:
    """Sum up a run that has ended.

    Args:
        versions: the app's versions in the order in which they were deployed.
        stored: the keys of all rows that the app has.
        calls: the app's calls, from the edge's access log.
        tolerance: seconds by which arrivals must differ for their order to count.
    """
    records = run.records
    ledger = balance(records, stored)
    waits = sorted(record.wait for record in records) or [0.0]
    return Account(
        requests=len(records),
        failed=sum(record.failed for record in records),
        errors=dict(Counter(record.error for record in records if record.error)),
        ledger=ledger,
        called_late=called_late(calls, tolerance, LOG_CLOCK),
        misled=misled(records, versions),
        mixed=mixed(records, versions),
        versions=dict(Counter(record.version for record in records if record.version)),
        greatest_wait=waits[-1],
        median_wait=waits[len(waits) // 2],
        lag=max((record.began - record.due for record in records), default=0.0),
        retried=sum(record.retried for record in records),
    )
