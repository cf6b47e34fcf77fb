"""What supervisord alone can suffer, and what a later command makes of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import supervisor  # type: ignore[import-untyped]

import holdfast
from holdfast.errors import ProcessError
from holdfast.runtimes import processes
from holdfast.runtimes.contract import State
from holdfast.runtimes.supervisor import starter
from tests.conftest import require
from tests.server.runtimes.asking import answering, ask, wait_for
from tests.server.runtimes.conftest import Bench, worker
from tests.server.runtimes.test_contract import gone


def kill_supervisord(bench: Bench) -> None:
    pid = starter.running_pid(bench.layout)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(pid))


def test_two_that_start_supervisord_at_once_start_one(bench: Bench) -> None:
    """Eight commands at the same moment: one supervisord, and all are content."""
    before = _supervisords(bench)
    threads = [threading.Thread(target=bench.runtime().ensure) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert before == []
    assert len(_supervisords(bench)) == 1
    assert not (bench.layout.supervisor / "start.log").read_text()


def _supervisords(bench: Bench) -> list[int]:
    found = []
    wanted = os.fsencode(bench.layout.supervisor / "supervisord.conf")
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def test_ensure_is_cheap_when_it_runs(bench: Bench) -> None:
    """It is called before everything: a few milliseconds."""
    runtime = bench.runtime()
    runtime.ensure()
    times = []
    for _ in range(10):
        started = time.perf_counter()
        runtime.ensure()
        times.append(time.perf_counter() - started)
    assert min(times) < 0.01


def test_a_stale_socket_and_pid_file_do_no_harm(bench: Bench) -> None:
    """What a crashed machine leaves is replaced; a pid that is somebody else's now is spared."""
    home = bench.layout.supervisor
    home.mkdir(parents=True)
    (home / "control.sock").write_text("not a socket")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        (home / "started.pid").write_text(f"{stranger.pid} (sleep) S " + "1 " * 40)
        run = bench.layout.app("demo").run
        run.mkdir(parents=True)
        (run / "worker.pid").write_text(f"{stranger.pid} (sleep) S " + "1 " * 40)
        bench.runtime().ensure()
        assert stranger.poll() is None
        stranger.kill()


def test_supervisord_killed_everything_comes_back(bench: Bench) -> None:
    """The next command ends what was left behind and starts it again, the same release."""
    runtime = bench.runtime()
    release = bench.release(processes=(worker("worker", "echo up; sleep 600"),))
    address = runtime.start_web(release, "a", {"A": "1"})
    runtime.start_processes(release, {})
    web = answering(address)["pid"]
    other = next(item.pid for item in runtime.status("demo") if item.name == "worker")
    kill_supervisord(bench)
    assert ask(address)["pid"] == web
    bench.runtime().ensure()
    now = wait_for(lambda: (said := ask(address))["pid"] != web and said)
    assert gone(web)
    assert other is not None
    assert gone(other)
    assert now["env"]["HOLDFAST_RELEASE"] == release.id
    assert now["env"]["A"] == "1"
    wait_for(lambda: runtime.log_tail("demo", "worker").splitlines() == ["up", "up"])


def test_a_supervisord_that_cannot_start_is_told_at_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own words come with the error; nobody waits for what has ended."""
    monkeypatch.setattr(sys, "executable", "/bin/false-python")
    began = time.monotonic()
    with pytest.raises(ProcessError, match="supervisord did not start") as caught:
        bench.runtime().ensure()
    assert time.monotonic() - began < starter.START_TIMEOUT / 2
    assert "false-python" in (caught.value.detail or "")


def test_a_slow_start_is_waited_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds until the shell has begun, as on a busy machine, are no failure."""
    slow = f"sleep 4; {processes.RECORD}"
    monkeypatch.setattr(processes, "RECORD", slow)
    bench.runtime().ensure()
    assert starter.running_pid(bench.layout) is not None


def test_what_was_stopped_stays_stopped(bench: Bench) -> None:
    """A slot that was stopped before the crash does not come back with the others."""
    runtime, release = bench.runtime(), bench.release()
    answering(runtime.start_web(release, "a", {}))
    address = runtime.start_web(release, "b", {})
    answering(address)
    runtime.stop_web("demo", "a", 5)
    kill_supervisord(bench)
    bench.runtime().ensure()
    answering(address)
    assert [item.name for item in runtime.status("demo")] == ["web.b"]


def test_stopping_while_supervisord_is_dead_ends_the_orphan(bench: Bench) -> None:
    runtime = bench.runtime()
    pid = answering(runtime.start_web(bench.release(), "a", {}))["pid"]
    kill_supervisord(bench)
    runtime.stop_web("demo", "a", 5)
    assert gone(pid)
    assert runtime.status("demo") == []


def test_a_stopped_supervisord_shows_what_is_to_run(bench: Bench) -> None:
    """Looking starts nothing."""
    runtime = bench.runtime()
    answering(runtime.start_web(bench.release(), "a", {}))
    starter.shutdown(bench.layout)
    assert [(item.name, item.state) for item in runtime.status("demo")] == [
        ("web.a", State.STOPPED)
    ]
    assert starter.running_pid(bench.layout) is None


def test_an_interrupted_engine_resumes_when_supervisord_starts(bench: Bench) -> None:
    """After a boot of the machine, the first command also starts the engine."""
    bench.layout.app("demo").make()
    ran = bench.layout.app("demo").home / "ran"
    bench.runtime().start_engine("demo")
    wait_for(ran.read_text)
    starter.shutdown(bench.layout)
    bench.runtime().ensure()
    wait_for(lambda: len(ran.read_text().split()) == 2)


def test_an_orphaned_engine_is_left_alone(bench: Bench) -> None:
    """It may be the one that starts supervisord again, in the middle of a deploy."""
    home = bench.layout.app("demo")
    home.make()
    (home.home / "busy").touch()
    bench.runtime().start_engine("demo")
    pid = int(wait_for((home.home / "ran").read_text).split()[0])
    kill_supervisord(bench)
    bench.runtime().ensure()
    assert not gone(pid)
    (home.home / "busy").unlink()
    wait_for(lambda: gone(pid))


def test_following_a_log_survives_its_rotation(bench: Bench) -> None:
    """Every line arrives once and in order while the file is rotated under the reader."""
    command = "python -c 'for i in range(40000): print(f\"{i:0600}\")'; sleep 600"
    release = bench.release(processes=(worker("chatty", command),))
    runtime = bench.runtime()
    following = None
    runtime.start_processes(release, {})
    wait_for(lambda: runtime.log_tail("demo", "chatty"))
    following = runtime.logs("demo", ["chatty"], since=None, follow=True)
    for number in range(40_000):
        assert int(next(following).line) == number
    following.close()  # type: ignore[attr-defined]
    assert (bench.layout.app("demo").logs / "chatty.log.1").exists()


def test_processes_are_started_in_a_group_of_their_own(bench: Bench) -> None:
    """What the stop relies on: the launcher's pid is the process group."""
    pid = answering(bench.runtime().start_web(bench.release(), "a", {}))["pid"]
    recorded = processes.recorded(bench.layout.app("demo").run / "web.a.pid")
    assert recorded == pid == os.getpgid(pid)


ORDINARY = """\
import os, sys
if os.geteuid() == 0:
    os.setgid(65534); os.setgroups([]); os.setuid(65534)
from pathlib import Path
from holdfast.layout import Layout
from holdfast.runtimes.supervisor import SupervisorRuntime
runtime = SupervisorRuntime(Layout(Path(sys.argv[1])))
runtime.ensure(); runtime.ensure(); runtime.shutdown(); print(os.geteuid())
"""


def test_it_works_for_an_ordinary_user(short_path: Path) -> None:
    """No root is needed: ROOT is the user's own."""
    short_path.chmod(0o777)
    library = short_path / "lib"
    for package in (holdfast, supervisor):
        shutil.copytree(Path(package.__path__[0]), library / package.__name__)
    # Ours may lie in root's home, where nobody else may look.
    public = all(path.stat().st_mode & 0o001 for path in Path(sys.executable).resolve().parents)
    python = sys.executable if public else shutil.which("python3", path="/usr/bin")
    require(python, "a Python that every user may run: apt-get install python3")
    done = subprocess.run(
        [str(python), "-c", ORDINARY, str(short_path / "r")],
        env={"PYTHONPATH": str(library), "PATH": os.environ["PATH"]},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) != 0
