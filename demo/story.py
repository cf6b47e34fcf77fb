"""The demo from beginning to end: deploy, bring visitors, deploy under them, count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from demo.acts import APPS, FIRST, UNDER_LOAD, Act, App, Scene
from demo.calls import calls
from demo.performed import Performed
from demo.place import CommandError, Place
from demo.stage import Stage
from demo.visitors import Visitors
from examples.variants import make_variant
from load import Account

RATE = 40.0
"""Requests a second for each app; a third of them are POSTs."""

_CALM = 1.0
"""Seconds of ordinary traffic around each deploy, to compare with."""
_LOG_WRITTEN = 1.5
"""Seconds after which nginx has written its log (it does so every second)."""


@dataclass(slots=True)
class Story:
    """What has happened; the accounts are right once it is ``complete``."""

    place: Place
    rate: float = RATE
    performed: list[Performed] = field(default_factory=list)
    visitors: dict[str, Visitors] = field(default_factory=dict)
    complete: bool = False

    def versions(self, app: App) -> list[str]:
        """In the order of their deploys; the broken one is among them and must not answer."""
        return [one.act.version for one in self.performed if one.act.app is app]

    def during(self, one: Performed) -> Account | None:
        """What visitors saw who came during a deploy; ``None`` before there were any."""
        visitors = self.visitors.get(one.act.app.name)
        if visitors is None or one.first:
            return None
        return visitors.account(self.versions(one.act.app), one.deployed.began, one.deployed.ended)

    def total(self, app: App) -> Account:
        """What all visitors of an app saw."""
        return self.visitors[app.name].account(self.versions(app))

    @property
    def wrong(self) -> list[str]:
        """What went otherwise than promised, in words; empty when all is well."""
        found = [
            f"{one.act.app.name} {one.act.version} was to end {one.act.outcome}"
            f" and ended {one.deployed.outcome}: {one.deployed.error}"
            for one in self.performed
            if one.deployed.outcome != one.act.outcome
        ]
        for app in APPS:
            found += _wrong_with(app, self.total(app), self.performed)
        return found


def perform(story: Story, stage: Stage, home: Path) -> None:
    """Play it.

    Args:
        home: an empty directory for the apps' repositories.

    Raises:
        CommandError: a first deploy failed, so that there is nothing to show.
    """
    _scene(story, stage, home, FIRST)
    for one in story.performed:
        if one.deployed.outcome != "succeeded":
            raise CommandError(one.deployed.error or "the first deploy failed")
    with _visitors(story):
        stage.visitors(story.rate)
        time.sleep(_CALM)
        for scene in UNDER_LOAD:
            _scene(story, stage, home, scene)
        time.sleep(2 * _CALM)
        stage.leaving()
    time.sleep(_LOG_WRITTEN)
    for app in APPS:
        story.visitors[app.name].look_back(calls(story.place.root, app.name))
    story.complete = True


def _scene(story: Story, stage: Stage, home: Path, scene: Scene) -> None:
    stage.scene(scene)
    for act in scene.acts:
        source = make_variant(act.app.example, act.kind, home / act.app.name, act.version)
        stage.act(act)
        performed = _deploy(story.place, source, act, stage)
        story.performed.append(performed)
        stage.performed(performed)
        time.sleep(_CALM)


def _deploy(place: Place, source: Path, act: Act, stage: Stage) -> Performed:
    strategy = "handover"

    def heard(event: object) -> None:
        nonlocal strategy
        assert isinstance(event, dict)
        if event.get("event") == "plan.made":
            strategy = event["plan"]["strategy"]
        stage.event(event)

    deployed = place.deploy(source, act.app.name, on_event=heard)
    return Performed(act, strategy, deployed)


@contextmanager
def _visitors(story: Story) -> Iterator[None]:
    with ExitStack() as stack:
        for app in APPS:
            visitors = Visitors(app.name, story.place.port, app.site(), story.rate)
            story.visitors[app.name] = stack.enter_context(visitors)
        yield


def _wrong_with(app: App, seen: Account, performed: list[Performed]) -> list[str]:
    found = [f"{app.name}: {count} requests failed: {why}" for why, count in seen.errors.items()]
    for count, what in (
        (seen.called_late, "requests reached the app after someone who came later"),
        (seen.misled, "requests met an older version than someone before them"),
        (seen.mixed, "requests were answered by the old version after the new one had begun"),
        (seen.ledger.lost, "POSTs were answered and are not stored"),
        (seen.ledger.doubled, "POSTs are stored twice"),
        (seen.ledger.unseen, "POSTs are stored and were answered with an error"),
    ):
        if count:
            found.append(f"{app.name}: {count} {what}")
    for one in performed:
        broken = one.act.app is app and one.act.outcome != "succeeded"
        if broken and (met := seen.versions.get(one.act.version)):
            found.append(f"{app.name}: {met} requests met the broken version {one.act.version}")
    return found
