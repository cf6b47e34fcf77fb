"""A spread of ``bin/bench faults``: what happens to a deploy to a real server, under load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.faults import FAULTS, play
from bench.faulty import Case, Faulty, fault_server


@pytest.fixture(scope="module")
def server() -> Iterator[Faulty]:
    """The app live on a Debian 12 server."""
    with fault_server() as made:
        made.steps("handover")
        yield made


@pytest.mark.parametrize(
    ("fault", "strategy", "step"),
    [
        ("connection cut", "handover", "build"),
        ("laptop killed", "handover", "open"),
        ("laptop killed", "hold", "boot"),
        ("cable cut", "handover", "health"),
        ("power cut", "handover", "boot"),
        ("power cut", "hold", "open"),
        ("disk full", "handover", "upload"),
    ],
)
def test_it_ends_as_it_should(server: Faulty, fault: str, strategy: str, step: str) -> None:
    """The laptop's faults change nothing; after the server's the site serves, nothing is lost."""
    came = play(server, Case(fault, strategy, step), FAULTS.get(fault, Faulty.full_disk))
    assert came.problem == ""
    assert (came.recovered, came.lost, came.answered_twice, came.failed) == (True, 0, 0, 0)
