"""Ctrl-C while a deploy runs: it is undone; a second one does not wait for that."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import Cancelled
from holdfast.protocol import Emit, Event, Kind
from tests.unit.cli.conftest import Run
from tests.unit.cli.fake_agent import DEPLOYED, NOTHING, FakeAgent


class Deploying:
    """A deploy during which Ctrl-C is pressed ``times``; it ends when it is cancelled."""

    def __init__(self, times: int, *, queued: bool = True) -> None:
        self.times = times
        self.queued = queued
        self.cancelled = threading.Event()
        self.done = False

    def deploy(self, _params: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
        if self.queued:
            emit(Event(Kind.DEPLOY_QUEUED, {"deploy": "d1", "app": "notes", "kind": "deploy"}))
        for _ in range(self.times):
            os.kill(os.getpid(), signal.SIGINT)
        assert self.cancelled.wait(10)
        self.done = True
        emit(Event(Kind.DEPLOY_ENDED, {"outcome": "undone"}))
        raise Cancelled("notes: the deploy was stopped on request")

    def cancel(self, _params: Mapping[str, Any], _emit: Emit) -> dict[str, Any]:
        self.cancelled.set()
        return {"cancelled": True}


def prepare(agent: FakeAgent, deploying: Deploying) -> None:
    agent.answers.update(status=NOTHING, deploy=deploying.deploy, cancel=deploying.cancel)


def test_first_ctrl_c_cancels_and_follows(holdfast: Run, agent: FakeAgent) -> None:
    """The agent is asked to stop it; we watch until it has been undone, and exit with 6."""
    deploying = Deploying(1)
    prepare(agent, deploying)
    ran = holdfast("deploy", "--server", "local")
    assert deploying.done
    assert ran.code == 6
    assert "note: stopping the deploy; Ctrl-C again stops watching" in ran.out
    assert ran.err == "error: notes: the deploy was stopped on request\n"


def test_second_ctrl_c_detaches(holdfast: Run, agent: FakeAgent, project: Path) -> None:
    """Watching ends with 130, once the agent has heard the first, and says how to go on: by a
    command that works when pasted, elsewhere too."""
    deploying = Deploying(2)
    prepare(agent, deploying)
    ran = holdfast("deploy", "--server", "local")
    assert not deploying.done
    assert ran.code == 130
    assert deploying.cancelled.is_set()
    assert "no longer watching; the deploy is being stopped and undone" in ran.err
    typed = "holdfast deploy --follow --server local --name notes"
    assert f"Watch it again: {typed}\n" in ran.err
    assert holdfast(*typed.split()[1:], where=project.parent).code == 0
    assert agent.asked[-2].method == "follow"


def test_second_ctrl_c_at_once(
    holdfast: Run, agent: FakeAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first one's question is being started: that goes out, then watching ends."""

    class Pressed(threading.Thread):
        def start(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)
            super().start()

    monkeypatch.setattr("holdfast.cli.following.threading.Thread", Pressed)
    deploying = Deploying(1)
    prepare(agent, deploying)
    ran = holdfast("deploy", "--server", "local")
    assert (ran.code, ran.out.count("Ctrl-C again")) == (130, 1)
    assert deploying.cancelled.is_set()
    assert not deploying.done
    assert "no longer watching" in ran.err


def test_second_ctrl_c_of_a_program(holdfast: Run, agent: FakeAgent) -> None:
    """It reads the same as its last line; standard error stays empty."""
    prepare(agent, Deploying(2))
    ran = holdfast("deploy", "--server", "local", "--json")
    assert (ran.code, ran.err) == (130, "")
    error = ran.lines[-1]["error"]
    assert (error["type"], error["exit_code"]) == ("Interrupted", 130)
    assert "holdfast deploy --follow --server local --name notes" in error["message"]


def test_ctrl_c_before_there_is_a_deploy(holdfast: Run, agent: FakeAgent) -> None:
    """Nothing is queued yet, so nothing is to be undone: 130 at once."""
    deploying = Deploying(1, queued=False)
    prepare(agent, deploying)
    ran = holdfast("deploy", "--server", "local")
    assert ran.code == 130
    assert not deploying.cancelled.is_set()


def test_signals_are_as_before(holdfast: Run, agent: FakeAgent) -> None:
    """After a deploy Ctrl-C means what it meant before."""
    before = signal.getsignal(signal.SIGINT)
    assert holdfast("deploy", "--server", "local").code == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_nobody_reads_any_more(holdfast: Run, agent: FakeAgent) -> None:
    """A reader that goes away does not stop the deploy, and its outcome is the exit code."""
    import subprocess
    import sys

    script = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from functools import partial\n"
        "from holdfast import __main__ as program\n"
        "from holdfast.__main__ import main\n"
        "from tests.unit.cli.fake_agent import DEPLOYED, EVENTS, NOTHING, FakeAgent\n"
        "agent = FakeAgent.below(Path(os.environ['HOLDFAST_ROOT']))\n"
        "def deploy(params, emit):\n"
        "    for event in EVENTS * 3:\n"
        "        emit(event)\n"
        "    print('whole', file=sys.stderr)\n"
        "    return DEPLOYED\n"
        "agent.answers.update(status=NOTHING, deploy=deploy)\n"
        "argv = ['deploy', '--server', 'local', *sys.argv[1:]]\n"
        "program.main = partial(main, argv, agent.connect)\n"
        "sys.exit(program.command())\n"
    )
    assert DEPLOYED["outcome"] == "succeeded"
    full = "standard output cannot be written: No space left on device; the command goes on\n"
    for options, to, said in (
        ([], None, "whole\n"),
        (["--json"], None, "whole\n"),
        ([], "/dev/full", f"{full}whole\n"),
        (["--json"], "/dev/full", f"{full}whole\n"),
    ):
        reading, writing = os.pipe()
        os.close(reading)
        if to is not None:
            os.close(writing)
            writing = os.open(to, os.O_WRONLY)
        done = subprocess.run(
            [sys.executable, "-c", script, *options],
            stdout=writing,
            stderr=subprocess.PIPE,
            env={
                **os.environ,
                "HOLDFAST_ROOT": str(agent.layout.root),
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            cwd=os.environ["HOLDFAST_ROOT"].removesuffix("r") + "notes",
            timeout=30,
            check=False,
            text=True,
        )
        os.close(writing)
        assert done.stderr == said
        assert done.returncode in (0, 141)
