"""What the demo deploys, in which order, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from load.sites import Notes, Polls, Site


@dataclass(frozen=True, slots=True)
class App:
    """An app of the demo: its name here, and which of ``examples/`` it is."""

    name: str
    example: str
    framework: str
    site: Callable[[], Site]


@dataclass(frozen=True, slots=True)
class Act:
    """One deploy.

    Attributes:
        kind: what changes in the version, a kind of ``examples.variants``.
        outcome: how it must end.
    """

    app: App
    version: str
    kind: str
    outcome: str = "succeeded"


@dataclass(frozen=True, slots=True)
class Scene:
    """Deploys of one sort, and what a newcomer should know about them."""

    title: str
    text: str
    acts: tuple[Act, ...]


NOTES = App("notes", "flask-notes", "Flask", Notes)
POLLS = App("polls", "django-polls", "Django", Polls)
APPS = (NOTES, POLLS)

FIRST = Scene(
    "Two apps go live",
    "Built, migrated, started and put behind nginx, with no line of configuration.",
    (Act(NOTES, "1", "plain"), Act(POLLS, "1", "plain")),
)

UNDER_LOAD = (
    Scene(
        "New code, nothing to migrate: handover",
        "The new version boots beside the old one. Requests wait for milliseconds, while the\n"
        "old one finishes what it has; then all go to the new one, in the order they came.",
        (Act(NOTES, "2", "plain"), Act(POLLS, "2", "plain")),
    ),
    Scene(
        "A broken version: its migration spoils rows, then fails",
        "Requests wait while the database changes, so nobody has written when it goes wrong:\n"
        "the snapshot is put back, the old version starts again, and the line moves on.",
        (Act(NOTES, "3", "broken-migration", "undone"),),
    ),
    Scene(
        "New code with a migration: hold",
        "The old version stops, the database is copied and migrated, the new version boots.\n"
        "Requests wait in line meanwhile; to a visitor it is a page that takes a second longer.",
        (Act(NOTES, "4", "migration"), Act(POLLS, "3", "migration")),
    ),
)
