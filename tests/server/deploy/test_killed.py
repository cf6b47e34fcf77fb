"""The engine is killed before and after every step: the site serves, and recovers by itself."""

from __future__ import annotations

import pytest

from holdfast.deploy.handover import HANDOVER
from holdfast.deploy.hold import HOLD
from tests.server.deploy.site import Deployment, check

WITHOUT = {
    "handover": {"migrate", "stop-workers", "start-workers"},
    "hold": {"stop-workers", "start-workers"},
}
"""Steps that a deploy of an app without workers does not have."""

PLACES = [
    (strategy, f"{when}:{name}")
    for strategy, steps in (("handover", HANDOVER), ("hold", HOLD))
    for name in ("build", "plan", *(s.name for s in steps if s.name not in WITHOUT[strategy]))
    for when in ("before", "after")
]
PLACES.append(("handover", "booted ahead"))

UNDONE = [f"undo:{name}" for name in ("boot", "migrate", "stop-old", "hold")]


@pytest.mark.parametrize(("strategy", "place"), PLACES, ids=[" ".join(p) for p in PLACES])
def test_killed_at(notes: Deployment, strategy: str, place: str) -> None:
    """Visitors see nothing of it: each request gets its one right answer, each POST runs once."""
    kind = "migration" if strategy == "hold" else "plain"
    served_before = notes.versions[-1]
    with notes.visited() as visit:
        notes.fail(place)
        done = notes.deploy(kind, strategy)
        assert notes.failed_there(), "the deploy never came to that place"
        notes.settle()
    status = notes.status()
    serving = notes.versions[-1]
    assert done.outcome == ("succeeded" if serving != served_before else "undone"), done.error
    assert status["gate"]["effective"] == "open"
    assert sum(process["state"] == "running" for process in status["processes"]) == 1
    account = visit.account()
    check(account)
    assert set(account.versions) <= {served_before, serving}


@pytest.mark.parametrize("place", UNDONE)
def test_killed_while_it_is_undone(notes: Deployment, place: str) -> None:
    """A migration fails after it changed tables; the undoing is killed in the middle as well."""
    served_before = notes.versions[-1]
    with notes.visited() as visit:
        notes.fail(place)
        done = notes.deploy("broken-migration" if place != "undo:boot" else "broken-health", "hold")
        assert notes.failed_there(), "the deploy never came to that place"
        notes.settle()
    assert done.outcome == "undone", done.error
    assert notes.versions[-1] == served_before
    account = visit.account()
    check(account)
    assert set(account.versions) == {served_before}
