"""Which processes of an app count as down."""

from __future__ import annotations

import pytest

from holdfast.agent.downs import SETTLED, down
from holdfast.edge.contract import Target
from holdfast.runtimes.contract import State, Status

NOW = 1_000_000.0
TARGET = Target("b", "unix:/run/b.sock", "r2", "/srv/r2")


@pytest.mark.parametrize(
    ("process", "counts"),
    [
        (Status("web.b", State.RUNNING, since=NOW - 1), False),
        (Status("web.b", State.BACKOFF, restarts=4), True),
        (Status("web.b", State.FAILED, exit_status=3), True),
        (Status("web.b", State.STOPPED, exit_status=0), True),
        (Status("web.a", State.STOPPED, exit_status=143), False),  # the slot of the release before
        (Status("worker", State.BACKOFF), True),
        (Status("worker", State.STOPPED, exit_status=1), True),
        (Status("migrate", State.STOPPED, exit_status=0), False),  # of a Compose file: it is done
        (Status("worker", State.STARTING), False),
        # Caught in the moment in which a crash loop has it running.
        (Status("worker", State.RUNNING, since=NOW - 0.4, restarts=7), True),
        (Status("worker", State.RUNNING, since=NOW - SETTLED, restarts=7), False),
    ],
    ids=lambda value: f"{value.name}-{value.state}" if isinstance(value, Status) else str(value),
)
def test_down(process: Status, *, counts: bool) -> None:
    """What does not run though it should, and what only seems to."""
    assert down([process], TARGET, NOW) == ([process] if counts else [])


def test_web_without_a_target() -> None:
    """Where no gate leads anywhere no web is missed; other processes are."""
    worker = Status("worker", State.FAILED)
    assert down([Status("web.a", State.STOPPED), worker], None, NOW) == [worker]
