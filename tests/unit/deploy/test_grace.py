"""How long an old release is waited for once it was asked to end."""

from __future__ import annotations

import pytest

from holdfast.deploy.grace import until_killed
from holdfast.edge.contract import Counts


@pytest.mark.parametrize(
    ("in_flight", "long", "grace", "seconds"),
    [
        (0, 0, 30.0, 30.0),
        (0, 2, 30.0, 3.0),
        (1, 2, 30.0, 30.0),
        (0, 2, 1.0, 1.0),
    ],
)
def test_streams_get_three_seconds(in_flight: int, long: int, grace: float, seconds: float) -> None:
    """What ends by itself gets all of the grace; streams do not, nor do they get more than it."""
    counts = Counts({"a": in_flight, "b": 9}, {"a": long, "b": 9}, 0, 0.0)
    assert until_killed(counts, "a", grace) == seconds
