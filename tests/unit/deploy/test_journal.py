"""The journal: one deploy at a time, steps that survive, events that can be followed."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from holdfast.deploy.journal import Journal, Stage, StepState
from holdfast.errors import Busy, NotFound
from holdfast.protocol import Event, Kind


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


def test_a_second_deploy_of_the_same_app_is_refused(journal: Journal) -> None:
    """Another app's is not."""
    journal.queue("notes", "deploy", {})
    with pytest.raises(Busy, match="notes: another deploy is under way"):
        journal.queue("notes", "rollback", {})
    journal.queue("polls", "deploy", {})


def test_two_processes_cannot_both_queue(journal: Journal) -> None:
    """Of many that try at once exactly one wins."""
    won: list[str] = []

    def attempt() -> None:
        mine = Journal(journal.path)
        try:
            won.append(mine.queue("notes", "deploy", {}).id)
        except Busy:
            pass
        finally:
            mine.close()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_it_is_made_by_two_at_once(tmp_path: Path) -> None:
    """The first commands to a new server may come at the same moment: one waits for the other."""
    path = tmp_path / "journal.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE somebody (is_at TEXT)")
    other.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.3, other.execute, ("COMMIT",))
    done.start()
    journal = Journal(path)
    assert journal.queue("notes", "deploy", {}).app == "notes"
    journal.close()
    done.join()
    other.close()


def test_an_ended_deploy_makes_room(journal: Journal) -> None:
    """Its row stays, as the last deploy."""
    first = journal.queue("notes", "deploy", {"a": 1})
    journal.update(first.id, stage=Stage.ENDED, outcome="succeeded", error={"message": "x"})
    assert journal.unfinished("notes") is None
    second = journal.queue("notes", "deploy", {})
    assert journal.unfinished("notes") == second
    assert journal.get(first.id).error == {"message": "x"}
    assert journal.get(first.id).request == {"a": 1}


def test_a_deploy_ends_with_its_last_event(journal: Journal) -> None:
    """Another process that sees the end finds the event that tells of it, at every moment."""
    other = Journal(journal.path)
    seen: list[bool] = []

    def look(_statement: str) -> None:
        ended = other.get(queued.id).stage is Stage.ENDED
        seen.append(not ended or bool(other.events(queued.id)))

    queued = journal.queue("notes", "deploy", {})
    journal._db.set_trace_callback(look)
    journal.end(queued.id, Event(Kind.DEPLOY_ENDED, {}), outcome="succeeded")
    journal._db.set_trace_callback(None)
    look("")
    assert journal.get(queued.id).outcome == "succeeded"
    assert len(seen) > 3
    assert all(seen)
    other.close()


def test_steps_keep_their_order_and_last_state(journal: Journal) -> None:
    """What recovery reads."""
    deploy = journal.queue("notes", "deploy", {}).id
    for name in ("hold", "drain", "open"):
        journal.step(deploy, name, StepState.STARTED)
    journal.step(deploy, "drain", StepState.DONE, "nothing in flight")
    journal.step(deploy, "hold", StepState.UNDONE)
    steps = journal.steps(deploy)
    assert list(steps) == ["hold", "drain", "open"]
    assert [step.state for step in steps.values()] == ["undone", "done", "started"]
    assert steps["drain"].note == "nothing in flight"


def test_events_come_in_order_after_a_number(journal: Journal) -> None:
    """A follower that comes back misses nothing and hears nothing twice."""
    deploy = journal.queue("notes", "deploy", {}).id
    journal.add_event(deploy, Event(Kind.NOTE, {"text": "one"}))
    (number, first), *_ = journal.events(deploy)
    journal.add_event(deploy, Event(Kind.NOTE, {"text": "two"}))
    assert first.data == {"text": "one"}
    assert [event.data["text"] for _, event in journal.events(deploy, number)] == ["two"]


def test_cancel_reaches_the_deploy_that_runs(journal: Journal) -> None:
    """And only that."""
    assert not journal.request_cancel("notes")
    deploy = journal.queue("notes", "deploy", {}).id
    assert not journal.cancel_requested(deploy)
    assert journal.request_cancel("notes")
    assert journal.cancel_requested(deploy)


def test_durations_are_those_of_deploys_that_succeeded(journal: Journal) -> None:
    """A deploy that failed says nothing about the next one."""
    for outcome in ("succeeded", "undone"):
        deploy = journal.queue("notes", "deploy", {}).id
        journal.step(deploy, "boot", StepState.STARTED)
        journal.step(deploy, "boot", StepState.DONE)
        journal.update(deploy, stage=Stage.ENDED, outcome=outcome)
    assert len(journal.durations("notes", "boot")) == 1


def test_the_file_is_for_its_owner(journal: Journal) -> None:
    """It tells what runs on the machine."""
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


def test_forget_leaves_other_apps_alone(journal: Journal) -> None:
    """After ``destroy``."""
    gone = journal.queue("notes", "deploy", {}).id
    stays = journal.queue("polls", "deploy", {}).id
    journal.forget("notes")
    assert journal.get(stays).app == "polls"
    with pytest.raises(NotFound):
        journal.get(gone)
