"""What takes long while a release follows another: holds, requests, uploads, streams, workers."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from tests.server.deploy.clients import (
    Asking,
    Stream,
    ask,
    heard,
    post_and_hang_up,
    talking,
    until_closed,
    wait_in_line,
)
from tests.server.deploy.conftest import MakeDeployment
from tests.server.deploy.running import PATIENCE
from tests.server.deploy.site import Deployment, check, check_live
from tests.server.deploy.tiny import Tiny, config

SHORT_HOLD = '[deploy]\nlongest_hold = "3s"\nlease = "3s"\ndrain = "1s"'
SHORT_DRAIN = '[deploy]\ndrain = "1s"'

# the longest hold, and the drain


def test_hold_longer_than_its_limit(tiny: Tiny) -> None:
    """The release command is ended when requests have waited for so long; all are answered."""
    old = tiny.versions[-1]
    slow = config(rest=f'{SHORT_HOLD}\n[release]\ncommand = "echo begun; sleep 60"')
    with tiny.visited() as visit:
        ended = tiny.finish(tiny.start(config=slow))
    assert ended.status == 6
    assert ended.error["message"].startswith(
        "site: the release command (echo begun; sleep 60) failed: release command: took longer than"
    )
    assert "raise [deploy] longest_hold" in ended.error["hint"]
    assert ended.error["detail"] == "begun"
    account = visit.account()
    check(account)
    assert set(account.versions) == {old}
    assert 2.0 < account.greatest_wait < 30
    check_live(tiny)


def test_handover_leaves_what_runs_to_the_old_process(tiny: Tiny) -> None:
    """A request longer than the drain time is not cut: the old process finishes it."""
    old = tiny.versions[-1]
    with tiny.visited() as visit:
        slow = Asking(tiny, "/slow?8")
        tiny.wait_busy()
        ended = tiny.finish(tiny.start("plain", "handover", config(rest=SHORT_DRAIN)))
        assert ended.outcome == "succeeded"
        assert ask(tiny, "/").version == tiny.versions[-1]
        assert slow.is_alive(), "the deploy waited for it"
        answer = slow.answer()
    assert (answer.status, answer.version) == (200, old)
    drained = next(line for line in ended.events("step.done") if line["step"] == "drain")
    assert "still running after the drain time; the old process finishes" in drained["note"]
    check(visit.account())
    wait_for_one_release(tiny)


def test_hold_waits_for_what_runs(tiny: Tiny) -> None:
    """Before the old release is stopped everything it had has been answered."""
    old = tiny.versions[-1]
    with tiny.visited() as visit:
        slow = Asking(tiny, "/slow?4")
        tiny.wait_busy()
        tiny.good("hold")
        answer = slow.answer()
    assert (answer.status, answer.version) == (200, old)
    account = visit.account()
    check(account)
    assert account.greatest_wait > 0.5
    check_live(tiny)


def test_hold_gives_up_on_what_runs_too_long(tiny: Tiny) -> None:
    """At the longest hold the gate opens to the old release again, which never stopped."""
    old = tiny.versions[-1]
    pids = tiny.pids("web")
    with tiny.visited() as visit:
        slow = Asking(tiny, "/slow?20")
        tiny.wait_busy()
        ended = tiny.finish(tiny.start("plain", "hold", config(rest=SHORT_HOLD)))
        assert slow.is_alive()
        assert ended.status == 6
        assert ended.error["message"] == (
            "site: 1 request was still running when the longest hold was over"
        )
        assert "raise [deploy] longest_hold" in ended.error["hint"]
        assert tiny.pids("web") == pids
        answer = slow.answer()
    assert (answer.status, answer.version) == (200, old)
    check(visit.account())
    check_live(tiny)


# those who wait


def test_upload_while_it_holds(tiny: Tiny) -> None:
    """50 MB arrive while nobody is there to take them; the new release gets them whole."""
    with tiny.visited() as visit:
        tiny.wait_at("after:stop-old")
        running = tiny.start("plain", "hold")
        with tiny.waiting("after:stop-old", running):
            upload = Asking(tiny, "/rows?upload", "POST", bytes(50_000_000))
            time.sleep(1.0)
        ended = tiny.finish(running)
        answer = upload.answer()
    assert ended.outcome == "succeeded"
    assert (answer.status, answer.text) == (200, "upload")
    assert tiny.kept()["upload"] == (50_000_000, tiny.versions[-1])
    check(visit.account())


def test_hang_up_while_it_holds(tiny: Tiny) -> None:
    """Who has gone away is not served: the POST never runs."""
    tiny.wait_at("after:stop-old")
    running = tiny.start("plain", "hold")
    with tiny.waiting("after:stop-old", running):
        post_and_hang_up(tiny, "/rows?gone")
        stays = Asking(tiny, "/rows?stays", "POST", b"row")
        wait_in_line(tiny, 1)
    assert tiny.finish(running).outcome == "succeeded"
    assert stays.answer().status == 200
    kept = tiny.kept()
    assert "stays" in kept
    assert "gone" not in kept


# those who stay


@pytest.fixture(scope="module")
def live(make_deployment: MakeDeployment) -> Deployment:
    return make_deployment("asgi-live")


def wait_for_one_release(site: Deployment) -> None:
    """Until the old process has ended."""
    deadline = time.monotonic() + PATIENCE
    while len(site.pids("web")) != 1:
        assert time.monotonic() < deadline, site.status()["processes"]
        time.sleep(0.05)
    check_live(site)


def test_streams_stay_on_the_old_release(live: Deployment) -> None:
    """The deploy returns without waiting for them; the old process ends when they have ended."""
    old = live.versions[-1]
    with talking(live) as websocket:
        assert heard(websocket, "hello")["version"] == old
        stream = Stream(live)
        assert stream.version == old
        live.good("handover")
        assert ask(live, "/").version == live.versions[-1]
        websocket.send("still here")
        assert heard(websocket, "said")["text"] == "still here"
        stream.next("tick")
        assert len(live.pids("web")) == 2
        stream.close()
    wait_for_one_release(live)


def test_streams_end_with_the_next_deploy(live: Deployment) -> None:
    """The slot is needed: those of the release before the last are closed, others stay."""
    with talking(live) as first:
        heard(first, "hello")
        live.good("handover")
        with talking(live) as second:
            assert heard(second, "hello")["version"] == live.versions[-1]
            live.good("handover")
            until_closed(first)
            second.send("still here")
            assert heard(second, "said")["text"] == "still here"
    wait_for_one_release(live)


def test_streams_end_after_the_long_timeout(live: Deployment) -> None:
    """Nobody deploys, and they do not end: then the old process is stopped with its grace."""
    short = '[web]\nlong_timeout = "2s"\nstop_grace = "2s"\n'
    assert live.finish(live.start("plain", "handover", short)).outcome == "succeeded"
    with talking(live) as websocket:
        heard(websocket, "hello")
        began = time.monotonic()
        live.good("handover")
        until_closed(websocket)
        assert time.monotonic() - began > 1.5
    wait_for_one_release(live)


def test_visitors_do_not_wait_for_a_stream(tiny: Tiny) -> None:
    """It has no end, and the app's server waits for it: in a hold it gets three seconds; likewise
    where the next deploy needs the slot."""
    with tiny.visited() as visit:
        stream = Stream(tiny)
        ended = tiny.finish(tiny.start("plain", "hold"))
        assert stream.version == tiny.versions[-2]
    (stopped,) = (line for line in ended.events("step.done") if line["step"] == "stop-old")
    assert stopped["note"] == "1 long-lived connection was ended"
    assert 2.5 < stopped["seconds"] < 12
    check(visit.account())
    stream = Stream(tiny)
    tiny.good("handover")
    assert stream.next("hello")["version"] == tiny.versions[-2]
    began = time.monotonic()
    tiny.good("handover")
    assert time.monotonic() - began < 20
    wait_for_one_release(tiny)


# workers

WORKER = '[processes.worker]\ncommand = "python work.py"\nstop_grace = "10s"'
MIGRATE = """
[release]
command = "date +%s.%N >> data/migrate.log; sleep 1; date +%s.%N >> data/migrate.log"
"""


@pytest.fixture(scope="module")
def working(make_deployment: MakeDeployment) -> Tiny:
    made = make_deployment("tiny")
    assert isinstance(made, Tiny)
    made.settings = config(rest=WORKER)
    made.good()
    return made


def spans(site: Tiny) -> list[tuple[str, float, float, float]]:
    """For each version that worked: its first and last sign of life, and its end."""
    seen: dict[str, list[float]] = {}
    ends: dict[str, float] = {}
    for what, at, version, *_ in (line for line in site.log("work.log") if line[0] != "did"):
        seen.setdefault(version, []).append(float(at))
        if what == "end":
            ends[version] = float(at)
    found = [
        (version, times[0], times[-1], ends.get(version, float("inf")))
        for version, times in seen.items()
    ]
    return sorted(found, key=lambda span: span[1])


@pytest.mark.parametrize("strategy", ["handover", "hold"])
def test_workers_never_meet(working: Tiny, strategy: str) -> None:
    """The old one finishes what it has, in its grace; the new one begins after the gate opened.

    So no task is ever done by older code than that which asked for it.
    """
    with working.visited() as visit:
        time.sleep(0.3)
        working.settings = config(rest=WORKER + (MIGRATE if strategy == "hold" else ""))
        running = working.start()
        ended = working.finish(running)
        assert ended.outcome == "succeeded", ended.lines[-1]
        time.sleep(1.0)
    working.settings = config(rest=WORKER)
    check(visit.account())
    check_workers(working, [line for line in ended.events("step.done") if line["step"] == "open"])
    if strategy == "hold":
        began, over = (float(words[0]) for words in working.log("migrate.log")[-2:])
        signs = [float(line[1]) for line in working.log("work.log") if line[0] == "at"]
        assert not [at for at in signs if began <= at <= over], "a worker ran in the migration"


def check_workers(site: Tiny, opened: list[object]) -> None:
    found = spans(site)
    for (old, _, last, end), (new, first, _, _) in pairwise(found):
        assert last <= end < first, f"{old} and {new} worked at the same time"
    at = opened[-1]["at"]  # type: ignore[index]
    assert found[-1][1] >= at, "the new worker began before the gate opened"
    done = [line[1:] for line in site.log("work.log") if line[0] == "did"]
    assert len({key for key, *_ in done}) == len(done), "a task was done twice"
    assert done
    assert not [task for task in done if int(task[2]) < int(task[1])], "older code did a task"


def test_workers_come_back(working: Tiny) -> None:
    """A deploy that fails while it holds starts the old workers again."""
    failing = config(rest=WORKER + '\n[release]\ncommand = "sleep 1; false"')
    with working.visited() as visit:
        ended = working.finish(working.start(config=failing))
        assert ended.status == 6
        time.sleep(1.0)
        pid = working.pids("worker")
    assert len(pid) == 1
    check(visit.account())
    last = working.log("work.log")[-1]
    assert last[-1] == working.versions[-1]


@pytest.mark.parametrize("at", ["", "after:finish-workers", "before:stop-workers", "before:hold"])
def test_workers_that_were_asked_to_finish_come_back(working: Tiny, at: str) -> None:
    """In a handover: of a release that never listens, or whose engine is killed."""
    settings = config(web='boot_timeout = "4s"', rest=WORKER)
    before = working.versions[-1]
    if at:
        working.fail(at)
    else:
        settings = settings.replace("python serve.py", "sleep 600")
    with working.visited() as visit:
        ended = working.finish(working.start(config=settings))
        assert not at or working.failed_there()
        working.settle()
        time.sleep(1.0)
        pid = working.pids("worker")
    assert ended.status == 6, ended.lines[-1]
    assert len(pid) == 1
    check(visit.account())
    assert working.versions[-1] == before
    assert working.log("work.log")[-1][-1] == before
