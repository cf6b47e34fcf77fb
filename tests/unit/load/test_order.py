"""What counts as out of order, case by case."""

from __future__ import annotations

from load.order import called_late, misled, mixed, overtaken
from load.records import Record


def record(
    sent: float, answered: float, *, started: float | None = None, version: str | None = None
) -> Record:
    one = Record(0, "POST", "/", "key", sent, sent, sent=sent, answered=answered, status=200)
    one.started, one.version = started, version
    return one


def test_calls_in_order_of_arrival() -> None:
    assert called_late([(0.0, 0), (0.1, 1), (0.2, 2)]) == 0


def test_one_who_is_called_last_is_late_once() -> None:
    """The one passed by everybody counts, not everybody who passed."""
    assert called_late([(0.1, 1), (0.2, 2), (0.3, 3), (0.0, 0)]) == 1


def test_within_the_tolerance_order_is_free() -> None:
    """Two workers: 20 ms apart may come in either order, 30 ms apart may not."""
    assert called_late([(0.02, 1), (0.0, 0)], tolerance=0.025) == 0
    assert called_late([(0.03, 1), (0.0, 0)], tolerance=0.025) == 1


def test_overtaken_needs_an_answer_before_the_start() -> None:
    """B, 100 ms younger, was through before the app took up A."""
    a = record(0.0, 2.0, started=1.5)
    b = record(0.1, 1.4, started=1.2)
    assert overtaken([a, b], epoch=0.0) == 1


def test_threads_of_an_app_may_take_up_in_any_order() -> None:
    """Both lay before the app at the same time: nothing is proven against the edge."""
    a = record(0.0, 2.0, started=1.5)
    b = record(0.1, 1.6, started=1.2)
    assert overtaken([a, b], epoch=0.0) == 0


def test_overtaking_somebody_who_just_came_is_allowed() -> None:
    a = record(0.0, 2.0, started=1.5)
    b = record(0.01, 1.4, started=1.2)
    assert overtaken([a, b], epoch=0.0) == 0


def test_times_of_the_app_are_unix_times() -> None:
    """The epoch of the run is what links both clocks."""
    a = record(0.0, 2.0, started=1001.5)
    b = record(0.1, 1.4, started=1001.2)
    assert overtaken([a, b], epoch=1000.0) == 1
    assert overtaken([a, b], epoch=1000.2) == 0


def test_a_whole_line_turned_round() -> None:
    """Last in, first out: all but the last to come were overtaken."""
    line = [record(n * 0.1, 11 - n * 0.1, started=10.99 - n * 0.1) for n in range(10)]
    assert overtaken(line, epoch=0.0) == 9


def test_an_old_version_for_a_younger_request_misleads() -> None:
    """The new version answered somebody; who came later must not meet the old one."""
    records = [
        record(0.0, 1.0, version="1"),
        record(0.5, 2.0, version="2"),
        record(0.6, 2.0, version="1"),
    ]
    assert misled(records, ["1", "2"]) == 1
    assert misled(records, ["2", "1"]) == 1
    assert misled(records[:2], ["1", "2"]) == 0


def test_versions_not_named_do_not_count() -> None:
    assert misled([record(0, 1, version="9"), record(1, 2)], ["1"]) == 0


def test_two_versions_at_the_same_time() -> None:
    """An old answer 100 ms after the first new one is mixed; at the same moment it is not."""
    old, new = record(0.0, 2.1, version="1"), record(0.5, 2.0, version="2")
    assert mixed([old, new], ["1", "2"]) == 1
    old.answered = 2.01
    assert mixed([old, new], ["1", "2"]) == 0
