"""The new release is booted while its app is asked; what was taken for granted may be wrong."""

from __future__ import annotations

import pytest

from tests.server.deploy.running import Ended
from tests.server.deploy.site import Deployment, check

AHEAD = "started while the app was asked"


def booted_ahead(ended: Ended) -> bool:
    """Whether the release that went live was booted ahead of the plan."""
    notes = [line.get("note") for line in ended.events("step.done") if line["step"] == "boot"]
    return AHEAD in notes


def alone(site: Deployment) -> bool:
    """Whether one web process runs, no more."""
    return len(site.pids("web")) == 1


@pytest.mark.parametrize("example", ["notes", "polls"])
def test_changed_code_is_booted_while_it_is_asked(
    example: str, request: pytest.FixtureRequest
) -> None:
    """The app is what it was: its boot and its asking take the time of one."""
    site: Deployment = request.getfixturevalue(example)
    site.good()
    with site.visited() as visit:
        ended = site.finish(site.start("plain"))
    assert booted_ahead(ended), ended.events("step.done")
    check(visit.account())
    site.settle()
    assert alone(site)


LISTING = """
import os
from django.conf import settings
os.makedirs(settings.STATIC_ROOT, exist_ok=True)
os.listdir(settings.STATIC_ROOT)
"""


def listing(site: Deployment) -> Ended:
    """Deploy a version that lists its static files as its server imports it, like WhiteNoise."""
    site.make("plain")
    with (site.repository / "config/wsgi.py").open("a") as wsgi:
        wsgi.write(LISTING)
    return site.finish(site.command("deploy", "--server", "local", "--dirty"))


def test_static_files_are_there_for_who_reads_them_first(polls: Deployment) -> None:
    """It was booted beside their collecting: now it lists them when it starts, and is not."""
    polls.good()
    with polls.visited() as visit:
        first, again = listing(polls), listing(polls)
    assert (first.outcome, booted_ahead(first)) == ("succeeded", False)
    assert (again.outcome, booted_ahead(again)) == ("succeeded", True), "after they are collected"
    check(visit.account())
    polls.settle()
    assert alone(polls)


def test_another_command_is_booted_anew(notes: Deployment) -> None:
    """What was booted runs by the last release's command; it is ended, and never asked."""
    command = "gunicorn --bind unix:$HOLDFAST_SOCKET --workers 2 'notes:create_app()'"
    config = f'[web]\ncommand = "{command}"\n'
    with notes.visited() as visit:
        ended = notes.finish(notes.start("plain", config=config))
    assert ended.outcome == "succeeded", ended
    assert not booted_ahead(ended)
    check(visit.account())
    notes.settle()
    assert alone(notes)
    notes.good()


def test_a_new_migration_is_not_booted_before_it_has_run(notes: Deployment) -> None:
    """Code that changes its database when it starts would come before its own migration."""
    with notes.visited() as visit:
        ended = notes.finish(notes.start("migration"))
    assert ended.outcome == "succeeded", ended
    assert not booted_ahead(ended)
    check(visit.account())


def test_what_was_booted_goes_when_the_build_fails(notes: Deployment) -> None:
    """An app that cannot be imported: one error, one release that serves, one process."""
    with notes.visited() as visit:
        ended = notes.finish(notes.start("broken-import"))
    assert ended.outcome == "undone", ended
    assert ended.error["message"]
    check(visit.account())
    assert alone(notes)
    notes.good()
