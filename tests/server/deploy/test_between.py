"""What dies around a deploy: the app, its supervisor, nginx, the whole machine.

A request that was in flight in what was killed is cut, and nobody sends it twice. All others
wait for as long as it takes, and get their one right answer.

Where gunicorn's processes are what dies, the app is a real one. Where the app is what stands
behind nginx, it is one that boots at no cost; a real one takes one such case of each kind.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import pytest

from demo.place import Place
from holdfast.runtimes.processes import alive as group_lives
from tests.server.deploy import processes
from tests.server.deploy.conftest import MakeDeployment
from tests.server.deploy.running import PATIENCE, Ended
from tests.server.deploy.site import Deployment, Visit, check, check_live, check_stored
from tests.server.deploy.tiny import Tiny

Death = tuple[float, float]
"""When it was killed, and when nothing of it was left."""

UNSEEN = 0.1
"""Seconds by which the end of a death may seem earlier to us than to nginx."""


def check_cut(visit: Visit, *deaths: Death) -> None:
    """Only requests that were in flight while something died have failed; no POST ran twice."""
    check_stored(visit.account())
    for record in visit.visitors.run.records:
        if record.failed:
            in_flight = (
                record.began <= gone + UNSEEN and record.answered >= killed
                for killed, gone in deaths
            )
            assert any(in_flight), (record, deaths)


@pytest.fixture(scope="module")
def notes(make_deployment: MakeDeployment) -> Deployment:
    """With a gunicorn of several workers, as it is by itself: who dies here may be one of them."""
    return make_deployment("flask-notes", settings="")


# the app


def kill_group(pid: int) -> Death:
    """The process and its children at once."""
    killed = time.monotonic()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    while group_lives(pid):
        assert time.monotonic() < killed + PATIENCE
        time.sleep(0.002)
    return killed, time.monotonic()


def running_web(site: Deployment, *, not_these: Sequence[int] = ()) -> int:
    """The web process, once there is one."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        pids = [pid for pid in site.pids("web") if pid not in not_these]
        if pids:
            return pids[0]
        time.sleep(0.02)
    raise AssertionError("the app was not started again")


def test_app_is_killed(notes: Deployment) -> None:
    """``kill -9``: its supervisor starts it again; requests wait, and are answered."""
    with notes.visited() as visit:
        pid = running_web(notes)
        death = kill_group(pid)
        running_web(notes, not_these=[pid])
    check_cut(visit, death)
    check_live(notes)


def test_master_is_killed(notes: Deployment) -> None:
    """gunicorn's workers outlive their master for a moment, and finish what they have."""
    with notes.visited() as visit:
        pid = running_web(notes)
        processes.kill(pid)
        running_web(notes, not_these=[pid])
        time.sleep(1.0)
    account = visit.account()
    check_stored(account)
    assert account.failed <= 3, account.errors
    check_live(notes)


def test_app_crashes_again_and_again(notes: Deployment) -> None:
    """For two seconds nothing stays up; whoever comes waits."""
    deaths = []
    with notes.visited() as visit:
        end = time.monotonic() + 2.0
        while time.monotonic() < end:
            deaths += [kill_group(pid) for pid in notes.pids("web")]
            time.sleep(0.05)
        running_web(notes)
    check_cut(visit, *deaths)
    assert visit.account().greatest_wait > 0.5
    check_live(notes)


# its supervisor


def test_supervisor_is_killed_then_status(notes: Deployment) -> None:
    """The app serves on; the next command replaces both, and requests wait meanwhile.

    A new supervisor cannot adopt processes: it ends them and starts its own.
    """
    with notes.visited() as visit:
        processes.kill(processes.supervisord(notes.place))
        time.sleep(0.5)
        status = notes.typed_status()
    assert status["release"] is not None
    check(visit.account())
    check_live(notes)


def test_supervisor_is_killed_then_deploy(tiny: Tiny) -> None:
    """A deploy puts everything right first."""
    with tiny.visited() as visit:
        processes.kill(processes.supervisord(tiny.place))
        tiny.good()
    check(visit.account())
    check_live(tiny)


def test_supervisor_is_killed_while_it_deploys(tiny: Tiny) -> None:
    """The engine outlives it; the deploy ends one way or the other, and the site serves."""
    with tiny.visited() as visit:
        with deploying(tiny, "handover", "after:boot") as ends:
            processes.kill(processes.supervisord(tiny.place))
        tiny.typed_status()
        tiny.settle()
    assert ends
    check(visit.account())
    check_live(tiny)


# nginx

OPEN = ("handover", "after:boot")
"""While the gate is open to the old release."""

HOLDING = [("handover", "after:hold"), ("hold", "after:stop-old")]
"""While a deploy holds, with both strategies."""


@contextmanager
def deploying(site: Deployment, strategy: str, at: str) -> Iterator[list[Ended]]:
    """A deploy that has come to a place and goes on after the block; then how it ended."""
    ends: list[Ended] = []
    site.wait_at(at)
    running = site.start("plain", strategy)
    with site.waiting(at, running):
        yield ends
    ends.append(site.finish(running))


def reload(place: Place) -> None:
    processes.edge(place).reload()


def upgrade(place: Place) -> None:
    processes.edge(place).upgrade()


@pytest.mark.parametrize(
    ("site", "change", "strategy", "at"),
    [
        ("tiny", reload, *OPEN),
        ("notes", upgrade, *OPEN),
        ("notes", reload, "handover", "after:hold"),
        ("tiny", reload, "hold", "after:stop-old"),
        ("tiny", upgrade, "handover", "after:hold"),
        ("tiny", upgrade, "hold", "after:stop-old"),
    ],
    indirect=["site"],
)
def test_nginx_is_renewed(
    site: Deployment, change: Callable[[Place], None], strategy: str, at: str
) -> None:
    """Reloaded, or upgraded to another binary: nothing is dropped, the deploy goes on."""
    with site.visited() as visit, deploying(site, strategy, at) as ends:
        change(site.place)
        time.sleep(0.5)
    assert ends[0].outcome == "succeeded", ends[0].lines[-1]
    check(visit.account())
    check_live(site)


@pytest.mark.parametrize(("strategy", "at"), [OPEN, *HOLDING])
def test_nginx_worker_is_killed(tiny: Tiny, strategy: str, at: str) -> None:
    """Its connections are cut, those that wait in line too; its master starts another."""
    with tiny.visited() as visit, deploying(tiny, strategy, at) as ends:
        killed = processes.kill(*processes.workers(tiny.place))
        gone = time.monotonic()
        time.sleep(0.5)
    assert ends[0].outcome == "succeeded", ends[0].lines[-1]
    check_cut(visit, (killed, gone))
    check_live(tiny)


@pytest.mark.parametrize(
    ("site", "strategy", "at"),
    [("notes", *OPEN), *(("tiny", *place) for place in HOLDING)],
    indirect=["site"],
)
def test_nginx_is_killed(site: Deployment, strategy: str, at: str) -> None:
    """Master and workers: the deploy starts it again, and ends as it would."""
    with site.visited() as visit:
        with deploying(site, strategy, at) as ends:
            nginx = processes.master(site.place)
            moment = processes.kill(nginx, *processes.children(nginx))
        ended = time.monotonic()
    assert ends[0].outcome == "succeeded", ends[0].lines[-1]
    check_stored(visit.account())
    late = [one for one in visit.visitors.run.records if one.failed and one.began > ended]
    assert not late, (late, moment)
    check_live(site)


@pytest.mark.parametrize(("strategy", "at"), [OPEN, *HOLDING])
def test_nginx_master_is_killed(tiny: Tiny, strategy: str, at: str) -> None:
    """Its workers serve on until the next command finds them; nobody notices."""
    with tiny.visited() as visit:
        with deploying(tiny, strategy, at) as ends:
            processes.kill(processes.master(tiny.place))
        assert ends[0].outcome == "succeeded", ends[0].lines[-1]
        status = tiny.typed_status()
        time.sleep(0.5)
    assert status["gate"]["effective"] == "open"
    assert processes.edge(tiny.place).info()["running"]
    account = visit.account()
    check_stored(account)
    check_live(tiny)


# the machine

REBOOTS = [
    ("tiny", "plain", "handover", "before:build"),
    ("notes", "plain", "handover", "after:boot"),
    ("tiny", "plain", "handover", "after:open"),
    ("tiny", "migration", "hold", "after:stop-old"),
    ("notes", "migration", "hold", "after:migrate"),
    ("tiny", "migration", "hold", "after:open"),
]


@pytest.mark.parametrize(("site", "kind", "strategy", "at"), REBOOTS, indirect=["site"])
def test_machine_stops(site: Deployment, kind: str, strategy: str, at: str) -> None:
    """All at once, in the middle of a deploy; then ``holdfast status`` brings the site back."""
    old = site.versions[-1]
    with site.visited() as visit:
        site.wait_at(at)
        running = site.start(kind, strategy)
        with site.waiting(at, running):
            processes.end_everything(site.place)
        running.end()
        first = site.typed_status()
        site.settle(PATIENCE)
        status = check_live(site)
        opened = at in ("before:build", "after:open")  # what was not begun is begun anew
        if status["last_deploy"]["outcome"] == "succeeded":
            site.versions.append(str(site.number))
        assert status["last_deploy"]["outcome"] == ("succeeded" if opened else "undone"), first
    check_stored(visit.account())
    with site.visited() as visit:
        time.sleep(0.3)
    account = visit.account()
    check(account)
    assert set(account.versions) == {site.versions[-1]}
    assert (site.versions[-1] == old) != opened
