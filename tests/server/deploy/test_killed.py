"""The engine is killed before and after every step: the site serves, and recovers by itself.

What is killed is the engine, so most places are met with an app that costs little: it has a
database, a worker, and a migration that is for good. The places at which the app itself is at
work are met with a real one as well.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from holdfast.agent.machine import open_machine
from holdfast.agent.run import retire
from holdfast.deploy.engine import Engine
from holdfast.deploy.failpoint import Failpoint
from holdfast.deploy.handover import HANDOVER
from holdfast.deploy.hold import HOLD
from holdfast.deploy.lock import deploy_lock
from holdfast.deploy.step import Step
from holdfast.layout import Layout
from tests.server.deploy.clients import ask
from tests.server.deploy.running import PATIENCE
from tests.server.deploy.site import Deployment, check
from tests.server.deploy.tiny import WORKER, Tiny, config

WITHOUT = {"handover": {"migrate"}, "hold": set[str]()}
"""Steps that a deploy without a release command does not have."""


def places(strategy: str, steps: tuple[Step, ...]) -> list[tuple[str, str]]:
    """Before and after every step. After one is before the next, as nothing is written in between
    (:func:`test_nothing_is_written_between_steps`); but between the plan and the first it is."""
    names = [step.name for step in steps if step.name not in WITHOUT[strategy]]
    found = ("before:build", "after:build", "after:plan", f"before:{names[0]}")
    return [(strategy, place) for place in (*found, *(f"after:{name}" for name in names))]


PLACES = [*places("handover", HANDOVER), *places("hold", HOLD)]

AT_WORK = [
    ("handover", "booted ahead"),
    *(("handover", place) for place in ("after:boot", "after:open")),
    *(("hold", place) for place in ("after:migrate", "after:boot", "after:open")),
]
"""Places at which the app is asked, or has been migrated, booted or opened to."""

UNDONE = [
    ("notes", "undo:migrate", "broken-migration"),
    ("tiny", "undo:boot", "broken-health"),
    ("tiny", "undo:stop-old", "broken-migration"),
    ("tiny", "undo:hold", "broken-migration"),
]


def named(places: list[tuple[str, str]]) -> list[str]:
    return [" ".join(place) for place in places]


def killed_at(site: Deployment, strategy: str, place: str, kind: str) -> dict[str, Any]:
    """The status once all is quiet; visitors have seen nothing: each request got its one right
    answer, each POST ran once."""
    served_before = site.versions[-1]
    with site.visited() as visit:
        site.fail(place)
        done = site.deploy(kind, strategy)
        assert site.failed_there(), "the deploy never came to that place"
        site.settle()
    status = site.status()
    serving = site.versions[-1]
    assert done.outcome == ("succeeded" if serving != served_before else "undone"), done.error
    assert status["gate"]["effective"] == "open"
    account = visit.account()
    check(account)
    assert set(account.versions) <= {served_before, serving}
    return status


def running(status: dict[str, Any]) -> list[tuple[str, str]]:
    """What runs, with its release."""
    return sorted(
        (item["name"].partition(".")[0], item["release"])
        for item in status["processes"]
        if item["state"] in ("running", "starting")
    )


@pytest.mark.parametrize(("strategy", "place"), PLACES, ids=named(PLACES))
def test_killed_at(tiny: Tiny, strategy: str, place: str) -> None:
    """One web and one worker run, of the release that serves; what was migrated is the
    database's if that release did it, and else was taken back."""
    if not any(name.startswith("worker") for name, _ in running(tiny.status())):
        tiny.settings = config(rest=WORKER)
        tiny.good()
    served_before, migrated = tiny.versions[-1], tiny.migrated()
    status = killed_at(tiny, strategy, place, "migration" if strategy == "hold" else "plain")
    release, serving = status["release"], tiny.versions[-1]
    assert running(status) == [("web", release), ("worker", release)]
    new = {serving} if strategy == "hold" and serving != served_before else set[str]()
    assert tiny.migrated() == migrated | new


@pytest.mark.parametrize(("strategy", "place"), AT_WORK, ids=named(AT_WORK))
def test_killed_while_the_app_is_at_work(notes: Deployment, strategy: str, place: str) -> None:
    """Likewise, with gunicorn, SQLAlchemy and Alembic."""
    status = killed_at(notes, strategy, place, "migration" if strategy == "hold" else "plain")
    assert [name for name, _ in running(status)] == ["web"]


@pytest.mark.parametrize(("site", "place", "kind"), UNDONE, indirect=["site"])
def test_killed_while_it_is_undone(site: Deployment, place: str, kind: str) -> None:
    """A migration fails after it changed tables; the undoing is killed in the middle as well."""
    served_before, schema = site.versions[-1], site.rows()[""]
    with site.visited() as visit:
        site.fail(place)
        done = site.deploy(kind, "hold")
        assert site.failed_there(), "the deploy never came to that place"
        site.settle()
    assert done.outcome == "undone", done.error
    assert site.versions[-1] == served_before
    assert site.rows()[""] == schema
    account = visit.account()
    check(account)
    assert set(account.versions) == {served_before}


@pytest.mark.parametrize("strategy", ["handover", "hold"])
def test_nothing_is_written_between_steps(
    tiny: Tiny, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is killed after a step finds what they find who are killed before the next."""
    tiny.good()
    serves, earlier, *_ = tiny.run("releases").result["releases"]
    assert serves["current"]
    for name, value in tiny.place.environment.items():
        monkeypatch.setenv(name, value)
    machine = open_machine(Layout(tiny.place.root))
    tiny.settle()
    deploy = machine.journal.queue(
        tiny.app, "rollback", {"release": earlier["id"], "strategy": strategy}
    )
    written: list[tuple[str, object]] = []

    def reach(_: Failpoint, place: str) -> None:
        known = machine.journal.get(deploy.id), machine.journal.steps(deploy.id)
        written.append((place, known))

    monkeypatch.setattr(Failpoint, "reach", reach)
    with deploy_lock(machine.layout.app(tiny.app).lock, wait=PATIENCE):
        Engine(machine, deploy, stop=lambda: False).run()
        retire(machine, tiny.app, lambda: True)
    assert machine.journal.get(deploy.id).outcome == "succeeded"
    tiny.versions.append(str(ask(tiny, "/").version))
    between = [
        (after, before, first == second)
        for (after, first), (before, second) in pairwise(written)
        if after.startswith("after:") and before.startswith("before:")
    ]
    assert len(between) > len(HOLD) / 2
    assert [after for after, _, same in between if not same] == ["after:plan"]
