"""POSTs against rows, and the sum of a run."""

from __future__ import annotations

from load import Run, account
from load.ledger import Ledger, balance
from load.order import Call
from load.records import Record


def post(key: str, *, error: str | None = None) -> Record:
    one = Record(0, "POST", "/", key, 0.0, 0.0, sent=0.0, answered=0.5, status=303)
    one.error = error
    return one


def test_each_stored_once() -> None:
    """Rows of other runs don't matter."""
    stored = ["b", "a", "somebody else's"]
    assert balance([post("a"), post("b")], stored) == Ledger(2, lost=0, doubled=0, unseen=0)


def test_lost_doubled_and_unseen_are_told_apart() -> None:
    records = [post("lost"), post("twice"), post("seen", error="status 502"), post("no", error="x")]
    stored = ["twice", "twice", "seen"]
    assert balance(records, stored) == Ledger(sent=4, lost=1, doubled=1, unseen=1)


def test_a_clean_run() -> None:
    sum_of_run = account(Run([post("a")]), ["1"], ["a"])
    assert sum_of_run.clean
    assert (sum_of_run.requests, sum_of_run.failed, sum_of_run.out_of_order) == (1, 0, 0)
    assert sum_of_run.greatest_wait == 0.5


def test_failures_are_named() -> None:
    sum_of_run = account(Run([post("a", error="status 502"), post("b", error="status 502")]))
    assert not sum_of_run.clean
    assert sum_of_run.errors == {"status 502": 2}


def test_a_lost_post_is_not_clean() -> None:
    assert not account(Run([post("a")])).clean


def test_a_call_out_of_order_is_not_clean() -> None:
    """A was called 100 ms after B, and had come 30 ms before it; 10 ms prove nothing."""
    calls = [Call(0.0, 1.1), Call(0.03, 1.0)]
    sum_of_run = account(Run([post("a")]), ["1"], ["a"], calls)
    assert sum_of_run.out_of_order == 1
    assert not sum_of_run.clean
    assert account(Run([post("a")]), ["1"], ["a"], calls, tolerance=0.05).clean
