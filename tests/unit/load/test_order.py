"""What counts as out of order, case by case."""

from __future__ import annotations

from load.order import Call, called_late, misled, mixed
from load.records import Record


def record(sent: float, answered: float, version: str | None = None) -> Record:
    one = Record(0, "POST", "/", "key", sent, sent, sent=sent, answered=answered, status=200)
    one.version = version
    return one


def test_calls_in_order_of_arrival() -> None:
    assert called_late([Call(0.0, 5.0), Call(0.1, 5.1), Call(0.2, 5.2)]) == 0


def test_one_who_is_called_last_is_late_once() -> None:
    """The one passed by everybody counts, not everybody who passed."""
    assert called_late([Call(0.1, 5.0), Call(0.2, 5.1), Call(0.3, 5.2), Call(0.0, 5.3)]) == 1


def test_a_whole_line_turned_round() -> None:
    """Last in, first out: all but the last to come were passed."""
    assert called_late([Call(n * 0.1, 9 - n * 0.1) for n in range(10)]) == 9


def test_within_the_tolerance_order_is_free() -> None:
    """Two workers: 20 ms apart may come in either order, 30 ms apart may not."""
    assert called_late([Call(0.02, 1.0), Call(0.0, 1.1)], tolerance=0.025) == 0
    assert called_late([Call(0.03, 1.0), Call(0.0, 1.1)], tolerance=0.025) == 1


def test_calls_at_the_same_moment_are_in_order() -> None:
    """A log in milliseconds cannot tell them apart, nor those that are one tick apart."""
    assert called_late([Call(0.5, 1.0), Call(0.0, 1.0)]) == 0
    assert called_late([Call(0.5, 1.0), Call(0.0, 1.002)], clock=0.003) == 0
    assert called_late([Call(0.5, 1.0), Call(0.0, 1.004)], clock=0.003) == 1


def test_only_what_is_certain_counts() -> None:
    """Two calls whose times are known from … to are out of order if these don't touch."""
    assert called_late([Call(0.5, 1.0, 1.2), Call(0.0, 1.1, 1.3)]) == 0
    assert called_late([Call(0.5, 1.0, 1.2), Call(0.0, 1.25, 1.3)]) == 1


def test_an_old_version_for_a_younger_request_misleads() -> None:
    """The new version answered somebody; who came later must not meet the old one."""
    records = [record(0.0, 1.0, "1"), record(0.5, 2.0, "2"), record(0.6, 2.0, "1")]
    assert misled(records, ["1", "2"]) == 1
    assert misled(records, ["2", "1"]) == 1
    assert misled(records[:2], ["1", "2"]) == 0


def test_versions_not_named_do_not_count() -> None:
    assert misled([record(0, 1, "9"), record(1, 2)], ["1"]) == 0


def test_two_versions_at_the_same_time() -> None:
    """An old answer 100 ms after the first new one is mixed; at the same moment it is not."""
    old, new = record(0.0, 2.1, "1"), record(0.5, 2.0, "2")
    assert mixed([old, new], ["1", "2"]) == 1
    old.answered = 2.01
    assert mixed([old, new], ["1", "2"]) == 0
