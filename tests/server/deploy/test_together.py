"""More than one thing at once: two deploys, a person who changes their mind, many releases."""

from __future__ import annotations

import os
import signal
import stat
import time
from pathlib import Path

import pytest

from examples.variants.repository import Repository
from holdfast.deploy.handover import HANDOVER
from holdfast.deploy.hold import HOLD
from load.ledger import fetch_json
from tests.server.deploy.clients import ask
from tests.server.deploy.conftest import MakeDeployment
from tests.server.deploy.running import PATIENCE, Ended, Running
from tests.server.deploy.site import ONE_WORKER, Deployment, check, check_live
from tests.server.deploy.tiny import Tiny, config

# two at once


def test_one_deploy_of_an_app_at_a_time(tiny: Tiny) -> None:
    """Of two that begin together one goes live; the other is told so at once, and what to do."""
    with tiny.visited() as visit:
        tiny.wait_at("before:plan")
        both = [tiny.start(), tiny.command("deploy", "--server", "local")]
        with tiny.waiting("before:plan", both[0]):
            loser = next_to_end(both)
            refused = loser.end()
        (winner,) = (running for running in both if running is not loser)
        ended = tiny.finish(winner)
    assert (refused.status, refused.error["type"]) == (4, "Busy")
    assert refused.error["message"] == "site: another deploy is under way"
    assert refused.error["hint"] == "holdfast deploy --server local --name site --follow shows it"
    assert ended.outcome == "succeeded", ended.lines[-1]
    check(visit.account())
    check_live(tiny)


def next_to_end(both: list[Running]) -> Running:
    while True:
        for running in both:
            if running.ended:
                return running
        time.sleep(0.01)


def test_two_apps_at_once(tiny: Tiny, tmp_path: Path) -> None:
    """They share an edge and a supervisor, and neither waits for the other."""
    other = Tiny(tiny.place, "tiny", tmp_path / "other", app="other")
    first = other.finish(other.start())
    assert first.status == 0, first.lines[-1:]
    with tiny.visited() as visit, other.visited() as more:
        other.wait_at("after:boot")
        slow = other.start()
        with other.waiting("after:boot", slow):
            tiny.good()
        assert other.finish(slow).outcome == "succeeded"
    check(visit.account())
    check(more.account())
    assert other.run("destroy", "--yes").status == 0
    check_live(tiny)


# Ctrl-C

SLOW_GIT = """#!/bin/sh
sleep 2
exec {git} "$@"
"""


def test_nobody_else_is_let_in(tiny: Tiny) -> None:
    """Who reached an app's socket would go round the gate, and be believed as the edge is."""
    home = (tiny.place.root / "apps" / tiny.app).stat()
    assert stat.S_IMODE(home.st_mode) == (0o750 if os.geteuid() == 0 else 0o700)
    assert ask(tiny, "/").status == 200, "nginx gets in"


def test_ctrl_c_while_it_packs(tiny: Tiny, tmp_path: Path) -> None:
    """Nothing has been sent: the command ends, and nothing was queued."""
    import shutil

    committed = Tiny(tiny.place, "tiny", tmp_path / "committed")
    committed.make()
    Repository(committed.repository).init()
    Repository(committed.repository).commit("as it is")
    slow = tmp_path / "git"
    slow.write_text(SLOW_GIT.format(git=shutil.which("git")))
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    last = tiny.status()["last_deploy"]["id"]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    running = committed.command("deploy", "--server", "local", env=env)
    running.wait_step("pack")
    running.signal(signal.SIGINT)
    assert running.end().status == 130
    assert tiny.status()["last_deploy"]["id"] == last
    check_live(tiny)


def interrupted(site: Deployment, running: Running) -> Ended:
    """Ctrl-C once; it stops, undoes, and says so."""
    releases = site.status()["release"]
    running.signal(signal.SIGINT)
    ended = running.end()
    assert ended.status == 6, ended.lines[-1]
    assert ended.error["type"] == "Cancelled", ended.error
    assert ended.outcome == "undone"
    assert "stopping the deploy; Ctrl-C again stops watching" in ended.notes()
    assert site.status()["release"] == releases
    return ended


def test_ctrl_c_while_it_builds(tiny: Tiny) -> None:
    """The build command is ended; the running release was not touched."""
    with tiny.visited() as visit:
        slow = config(rest='[build]\ncommands = ["sleep 60"]')
        running = tiny.start(config=slow)
        running.wait_for(lambda line: "$ sleep 60" in str(line.get("line")))
        began = time.monotonic()
        ended = interrupted(tiny, running)
        assert time.monotonic() - began < 20
    assert ended.error["message"] == "the build was stopped; the running release was not touched"
    check(visit.account())
    check_live(tiny)


STOPPED = "site: the deploy was stopped on request"


def test_ctrl_c_while_it_boots(tiny: Tiny) -> None:
    """What boots is stopped; the old release never noticed."""
    with tiny.visited() as visit:
        running = tiny.start("never-listens", "handover")
        running.wait_step("health")
        ended = interrupted(tiny, running)
    assert ended.error["message"] == STOPPED
    assert "everything is as it was: " in ended.notes()
    check(visit.account())
    check_live(tiny)


def test_ctrl_c_while_it_holds(notes: Deployment) -> None:
    """The migration that hangs is ended, its changes taken back, the old release booted."""
    rows = notes.rows()
    with notes.visited() as visit:
        running = notes.start("hanging-migration", "hold")
        running.wait_step("migrate")
        time.sleep(0.5)
        ended = interrupted(notes, running)
    assert ended.error["message"] == STOPPED
    assert ended.steps("step.undone").index("stop-old") < ended.steps("step.undone").index("hold")
    check(visit.account())
    assert notes.rows()[""] == rows[""]
    check_live(notes)


def test_ctrl_c_too_late(tiny: Tiny) -> None:
    """The gate has opened to the new release: the deploy is finished."""
    with tiny.visited() as visit:
        tiny.wait_at("after:open")
        running = tiny.start()
        with tiny.waiting("after:open", running):
            running.signal(signal.SIGINT)
            running.wait_for(lambda line: "stopping the deploy" in str(line.get("text")))
        ended = tiny.finish(running)
    assert (ended.status, ended.outcome) == (0, "succeeded")
    check(visit.account())
    check_live(tiny)


STEPS = {"handover": HANDOVER, "hold": HOLD}
MOMENTS = [
    (strategy, name)
    for strategy, steps in STEPS.items()
    for name in ("build", "plan", *(step.name for step in steps if "workers" not in step.name))
    if (strategy, name) != ("handover", "migrate")
]
"""After every step that a deploy without workers has, and with a migration in a hold."""


@pytest.mark.parametrize(("strategy", "step"), MOMENTS, ids=[" ".join(one) for one in MOMENTS])
def test_ctrl_c_at_any_moment(tiny: Tiny, strategy: str, step: str) -> None:
    """Before the gate has opened to the new release all is undone, from then on it is finished;
    visitors have seen nothing, and the database has what the release that serves made of it."""
    names = [item.name for item in STEPS[strategy]]
    late = step in names and names.index(step) >= names.index("open")
    migrated = tiny.migrated()
    with tiny.visited() as visit:
        tiny.wait_at(f"after:{step}")
        running = tiny.start("migration" if strategy == "hold" else "plain", strategy)
        with tiny.waiting(f"after:{step}", running):
            running.signal(signal.SIGINT)
            wait_asked(tiny)
        ended = tiny.finish(running)
    assert ended.outcome == ("succeeded" if late else "undone"), ended.lines[-1]
    assert ended.status == (0 if late else 6)
    check(visit.account())
    check_live(tiny)
    new = {tiny.versions[-1]} if late and strategy == "hold" else set[str]()
    assert tiny.migrated() == migrated | new


def wait_asked(site: Deployment) -> None:
    """Until the deploy has been asked to stop, which comes after it is said."""
    journal, deadline = site.journal(), time.monotonic() + PATIENCE
    while (deploy := journal.unfinished(site.app)) and not journal.cancel_requested(deploy.id):
        assert time.monotonic() < deadline, "nobody asked it to stop"
        time.sleep(0.01)
    journal.close()


def test_ctrl_c_twice(tiny: Tiny) -> None:
    """The second stops the watching alone: the deploy is undone all the same."""
    with tiny.visited() as visit:
        running = tiny.start("hanging-migration", "hold")
        running.wait_step("migrate")
        running.signal(signal.SIGINT)
        running.wait_for(lambda line: "stopping the deploy" in str(line.get("text")))
        running.signal(signal.SIGINT)
        ended = running.end()
        tiny.settle()
    assert ended.status in (130, 6)  # it may have been undone before the second one came
    if ended.status == 130:
        said = ended.error["message"]
        assert "no longer watching; the deploy is being stopped and undone" in said
        followed = tiny.run("deploy", "--follow")
        assert (followed.status, followed.error["message"]) == (6, STOPPED)
    check(visit.account())
    check_live(tiny)


# without its watcher


def test_watcher_is_killed(tiny: Tiny) -> None:
    """The deploy ends as it would have; ``--follow`` tells all of it again."""
    with tiny.visited() as visit:
        tiny.wait_at("after:boot")
        running = tiny.start()
        with tiny.waiting("after:boot", running):
            running.signal(signal.SIGKILL)
            assert running.end().status == -signal.SIGKILL
            follow = tiny.command("deploy", "--follow")
            follow.wait_step("boot", "step.done")
        ended = tiny.finish(follow)
    assert (ended.status, ended.outcome) == (0, "succeeded")
    assert ended.steps()[:2] == ["build", "plan"]
    assert ended.result["release"] == tiny.status()["release"]
    check(visit.account())
    again = tiny.run("deploy", "--follow")
    assert again.result == ended.result


# releases

KEEP_3 = config(rest="[deploy]\nkeep = 3")


def test_rollback_to_each_kept_release(make_deployment: MakeDeployment) -> None:
    """Three are kept; each can be brought back, and one that is gone is refused."""
    tiny = make_deployment("tiny")
    assert isinstance(tiny, Tiny)
    tiny.settings = KEEP_3
    first = tiny.status()["release"]
    for _ in range(4):
        tiny.good()
    kept = [item["id"] for item in tiny.run("releases").result["releases"]]
    assert (len(kept), tiny.releases()) == (3, set(kept))
    with tiny.visited() as visit:
        for release in (kept[2], kept[1], kept[0]):
            ended = tiny.run("rollback", release)
            assert (ended.status, ended.result["release"]) == (0, release), ended.lines[-1]
            assert check_live(tiny)["release"] == release
    account = visit.account()
    assert (account.failed, account.ledger.lost, account.ledger.doubled) == (0, 0, 0)
    assert set(account.versions) == {"3", "4", "5"}
    gone = tiny.run("rollback", first)
    assert (gone.status, gone.error["type"]) == (3, "NotFound")
    assert gone.error["message"] == f"site: no release {first!r} is kept"
    assert gone.error["hint"] == "holdfast releases --name site lists those there are"
    oldest = tiny.run("rollback", kept[2]).result["release"]
    earlier = tiny.run("rollback")
    assert earlier.error["message"] == "site: there is no earlier release to go back to"
    assert tiny.status()["release"] == oldest


def test_rollback_behind_a_migration_warns(notes: Deployment) -> None:
    """The older code meets the newer database; the plan says what that means."""
    old, version = notes.status()["release"], notes.versions[-1]
    ended = notes.finish(notes.start("migration"))
    assert ended.status == 0
    rows = notes.rows()
    plan = notes.run("rollback", "--plan").result["plan"]
    warning = "the database stays as it is: migrations made after this release are not taken back"
    assert (plan["strategy"], plan["release"]) == ("handover", old)
    assert warning in plan["warnings"]
    assert notes.status()["release"] != old
    back = notes.run("rollback", "--yes")
    (made,) = back.events("plan.made")
    assert warning in made["plan"]["warnings"]
    assert back.result["release"] == check_live(notes)["release"] == old
    notes.versions.append(version)
    assert notes.rows() == rows


def test_what_persists(make_deployment: MakeDeployment) -> None:
    """The database and what was uploaded outlive three deploys, one more than is kept, and the
    way back."""
    polls = make_deployment("django-polls", f"{ONE_WORKER}[deploy]\nkeep = 2\n")
    current = polls.place.root / "apps" / "site" / "current" / "src"
    expected = {}
    with polls.visited() as visit:
        for number in range(3):
            upload = current / "media" / "background" / f"{number}.txt"
            upload.parent.mkdir(parents=True, exist_ok=True)
            upload.write_text(f"upload {number}")
            expected[f"{number}.txt"] = f"upload {number}"
            polls.good("hold" if number == 1 else "handover")
            found = (current / "media" / "background").iterdir()
            assert {path.name: path.read_text() for path in found} == expected
    check_all_served(visit.account())
    for release in [item["id"] for item in polls.run("releases").result["releases"]][::-1]:
        back = polls.run("rollback", release)
        assert back.outcome == "succeeded" or back.error["type"] == "UsageError", back.lines[-1]
        found = (current / "media" / "background").iterdir()
        assert {path.name: path.read_text() for path in found} == expected
    assert len(polls.databases()) == 1


def check_all_served(account: object) -> None:
    failed, ledger = account.failed, account.ledger  # type: ignore[attr-defined]
    assert (failed, ledger.lost, ledger.doubled, ledger.unseen) == (0, 0, 0, 0)


def test_same_commit_twice(notes: Deployment) -> None:
    """Each deploy makes a release of its own; the second replaces the first without a hitch."""
    notes.good()
    first = notes.status()
    with notes.visited() as visit:
        again = notes.run("deploy", "--server", "local")
    second = check_live(notes)
    assert again.outcome == "succeeded"
    assert first["commit"] == second["commit"]
    assert first["release"] < second["release"]
    check(visit.account())


def test_env_takes_effect_with_the_next_deploy(tiny: Tiny) -> None:
    """Processes that run keep what they were started with."""
    import subprocess
    import sys

    typed = subprocess.run(
        [sys.executable, "-m", "holdfast", "env", "set", "PEPPER", "--name", "site"],
        input="hot",
        text=True,
        env=tiny.place.environment,
        cwd=tiny.repository,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert typed.returncode == 0, typed.stderr
    assert "PEPPER" not in environment(tiny)
    tiny.good()
    assert environment(tiny)["PEPPER"] == "hot"
    assert Running(tiny.place, "env", "unset", "PEPPER", "--name", "site").end().status == 0
    tiny.good()
    assert "PEPPER" not in environment(tiny)


def environment(site: Deployment) -> dict[str, str]:
    """The variables of the web process that runs, once the old one has ended."""
    site.settle()
    (pid,) = site.pids("web")
    text = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(item.split("=", 1) for item in text.split("\0") if "=" in item)


def test_destroy(make_deployment: MakeDeployment) -> None:
    """``--keep-data`` keeps the rows for the next first deploy; without it nothing is left."""
    site = make_deployment("tiny")
    assert isinstance(site, Tiny)
    with site.visited():
        pass
    kept = fetch_json(site.profile(), "/rows")
    assert kept
    pids = site.pids()
    gone = site.run("destroy", "--keep-data", "--yes")
    assert gone.result == {"kept": str(site.place.root / "apps" / "site" / "data"), "keys": []}
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    site.good()
    assert fetch_json(site.profile(), "/rows") == kept
    assert site.run("destroy", "--yes").result == {"keys": []}
    assert not (site.place.root / "apps" / "site").exists()
    unknown = site.run("rollback")
    assert (unknown.status, unknown.error["type"]) == (3, "NotFound")
    site.good()
    assert fetch_json(site.profile(), "/rows") == []


@pytest.mark.parametrize("verb", ["rollback", "logs", "releases", "destroy"])
def test_app_that_is_not_deployed(tiny: Tiny, verb: str) -> None:
    """Said with what there is."""
    ended = Running(
        tiny.place, verb, "--name", "nobody", "--server", "local", *YES.get(verb, ())
    ).end()
    assert (ended.status, ended.error["type"]) == (3, "NotFound")
    assert ended.error["message"] == "no app 'nobody' on this server"
    assert ended.error["hint"] == "there are: site"


YES = {"destroy": ("--yes",), "rollback": ("--yes",)}
