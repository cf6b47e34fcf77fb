"""The suite that every runtime passes (``holdfast.runtimes.contract.Runtime``)."""

from __future__ import annotations

import os
import pty
import signal
import stat
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast.command import Secret
from holdfast.errors import ProcessError
from holdfast.runtimes.contract import Release, Runtime, State, Status
from tests.server.runtimes.asking import answering, ask, wait_for
from tests.server.runtimes.conftest import Bench, not_in_containers, worker

SECRET = "hunter2-'quoted' $HOME `id`\nsecond line"


def find(states: list[Status], name: str) -> Status:
    return next(item for item in states if item.name == name)


def gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


# ── web ──────────────────────────────────────────────────────────────────────────────


@not_in_containers
def test_web_listens_where_it_was_told_and_has_its_variables(bench: Bench) -> None:
    """A process gets its own variables and a clean rest: nothing of our environment."""
    release = bench.release()
    os.environ["STRAY_VARIABLE"] = "of the shell that deployed"
    address = bench.runtime().start_web(release, "a", {"KEY": Secret(SECRET), "MODE": "x y"})
    said = answering(address)
    env = said["env"]
    assert address == f"unix:{bench.layout.app('demo').run}/web.a.sock"
    assert said["cwd"] == str(release.source)
    assert env["KEY"] == SECRET
    assert env["MODE"] == "x y"
    assert env["HOLDFAST_APP"] == "demo"
    assert env["HOLDFAST_RELEASE"] == release.id
    assert env["HOLDFAST_SOCKET"] == address.removeprefix("unix:")
    assert env["PATH"].startswith(f"{release.env_path}/bin:")
    assert env["VIRTUAL_ENV"] == str(release.env_path)
    assert env["PYTHONUNBUFFERED"] == "1"
    assert "STRAY_VARIABLE" not in env


@not_in_containers
def test_nobody_else_reads_a_secret(bench: Bench) -> None:
    """Secrets stand in one file of mode 0600: not in arguments, program files or logs."""
    release = bench.release()
    said = answering(bench.runtime().start_web(release, "a", {"KEY": Secret("hunter2-secret")}))
    for pid in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (pid / "cmdline").read_bytes()
        except OSError:
            continue
        assert b"hunter2-secret" not in arguments or b"pytest" in arguments
    holding = [
        path
        for path in bench.layout.root.rglob("*")
        if path.is_file() and b"hunter2-secret" in path.read_bytes()
    ]
    assert said["env"]["KEY"] == "hunter2-secret"
    assert [path.name for path in holding] == ["web.a.env"]
    assert stat.S_IMODE(holding[0].stat().st_mode) == 0o600


@not_in_containers
@pytest.mark.skipif(os.geteuid() != 0, reason="as an ordinary user nginx runs as that user")
def test_nginx_of_another_user_may_connect(bench: Bench) -> None:
    """When root runs the app, nginx's workers are www-data: the socket is open to them.

    To everybody, or to the group of the app's own user, which they are in.
    """
    address = bench.runtime().start_web(bench.release(), "a", {})
    answering(address)
    wanted = 0o006 if bench.runtime().account("demo") is None else 0o060
    socket = Path(address.removeprefix("unix:"))
    wait_for(lambda: socket.stat().st_mode & wanted == wanted)


def test_both_slots_serve_side_by_side(bench: Bench) -> None:
    """Two releases run at the same time, each in its slot."""
    runtime, old, new = bench.runtime(), bench.release(), bench.release()
    first = runtime.start_web(old, "a", {})
    second = runtime.start_web(new, "b", {})
    assert answering(first)["env"]["HOLDFAST_RELEASE"] == old.id
    assert answering(second)["env"]["HOLDFAST_RELEASE"] == new.id
    assert runtime.web_address("demo", "a") == first
    assert find(runtime.status("demo"), "web.b").release == new.id


def test_starting_what_runs_does_nothing(bench: Bench) -> None:
    """The second call with the same arguments, by another command, leaves the process alone."""
    release = bench.release(processes=(worker("worker", "sleep 600"),))
    address = bench.runtime().start_web(release, "a", {"A": "1"})
    bench.runtime().start_processes(release, {})
    before = answering(address)["pid"], find(bench.runtime().status("demo"), "worker").pid
    assert bench.runtime().start_web(release, "a", {"A": "1"}) == address
    bench.runtime().start_processes(release, {})
    assert (ask(address)["pid"], find(bench.runtime().status("demo"), "worker").pid) == before


def test_other_variables_or_another_release_start_anew(bench: Bench) -> None:
    """What is asked for is what runs: a slot never goes on with something else."""
    runtime, release, other = bench.runtime(), bench.release(), bench.release()
    address = runtime.start_web(release, "a", {"A": "1"})
    assert answering(address)["env"]["A"] == "1"
    runtime.start_web(release, "a", {"A": "2"})
    assert answering(address)["env"]["A"] == "2"
    runtime.start_web(other, "a", {"A": "2"})
    assert answering(address)["env"]["HOLDFAST_RELEASE"] == other.id


@not_in_containers
def test_web_on_a_port_keeps_it(bench: Bench) -> None:
    """A port is chosen once for a start: after a crash the app comes back to the same."""
    runtime, release = bench.runtime(), bench.release(listen="port")
    first = runtime.start_web(release, "a", {})
    second = runtime.start_web(release, "b", {})
    assert first.startswith("127.0.0.1:")
    assert first != second
    before = answering(first)
    assert before["env"]["PORT"] == first.split(":")[1]
    assert "HOLDFAST_SOCKET" not in before["env"]
    os.kill(before["pid"], signal.SIGKILL)
    wait_for(lambda: ask(first)["pid"] != before["pid"])
    assert bench.runtime().start_web(release, "a", {}) == first


@not_in_containers
@pytest.mark.parametrize(
    "command",
    [
        "python web.py",
        "true && python web.py",
        "echo starting; python web.py",
        "KEY=1 python web.py",
        "exec python web.py",
        "(python web.py); true",
        "if true; then python web.py; fi",
    ],
)
def test_term_reaches_the_server_behind_any_command(bench: Bench, command: str) -> None:
    """Whatever shell stands in front of it, the server is asked to end and is waited for."""
    runtime = bench.runtime()
    address = runtime.start_web(bench.release(command=command), "a", {})
    pid = answering(address)["pid"]
    runtime.stop_web("demo", "a", 10)
    assert gone(pid)
    assert "ended in peace" in runtime.log_tail("demo", "web.a")


def test_stopping_lets_a_request_finish(bench: Bench) -> None:
    """A stop returns when the process has ended, and it ends when it has answered."""
    runtime = bench.runtime()
    address = runtime.start_web(bench.release(), "a", {})
    pid = answering(address)["pid"]
    answers: list[object] = []
    asking = threading.Thread(target=lambda: answers.append(ask(address, "/slow")))
    asking.start()
    time.sleep(0.3)
    runtime.stop_web("demo", "a", 10)
    assert gone(pid)
    asking.join(5)
    assert len(answers) == 1
    assert runtime.web_address("demo", "a") is None
    assert not Path(address.removeprefix("unix:")).exists()
    assert runtime.status("demo") == []


def test_a_process_that_ignores_term_is_killed_after_its_grace(bench: Bench) -> None:
    runtime = bench.runtime()
    address = runtime.start_web(bench.release(), "a", {"TERM": "ignore"})
    pid = answering(address)["pid"]
    started = time.monotonic()
    runtime.stop_web("demo", "a", 0.5)
    assert 0.5 <= time.monotonic() - started < 4
    assert gone(pid)


@not_in_containers
def test_nothing_of_a_stopped_process_is_left(bench: Bench) -> None:
    """Children that a server leaves in its process group end with it."""
    runtime = bench.runtime()
    child_file = bench.scratch() / "child"
    release = bench.release(command=f"sleep 600 & echo $! > {child_file}; exec python web.py")
    answering(runtime.start_web(release, "a", {}))
    child = int(child_file.read_text())
    runtime.stop_web("demo", "a", 0.5)
    assert gone(child)


def test_stopping_what_is_stopped_does_nothing(bench: Bench) -> None:
    runtime = bench.runtime()
    runtime.stop_web("demo", "a", 1)
    runtime.ensure()
    runtime.stop_web("demo", "a", 1)
    runtime.stop_processes("demo")
    assert runtime.web_address("demo", "a") is None


# ── other processes ──────────────────────────────────────────────────────────────────


def test_processes_are_stopped_all_at_once(bench: Bench) -> None:
    """Three that take two seconds each take two seconds together."""
    slow = "trap 'sleep 2; echo done; exit 0' TERM; while true; do sleep 0.05; done"
    release = bench.release(processes=tuple(worker(f"w{i}", slow) for i in range(3)))
    runtime = bench.runtime()
    runtime.start_processes(release, {})
    wait_for(lambda: all(item.state is State.RUNNING for item in runtime.status("demo")))
    started = time.monotonic()
    runtime.stop_processes("demo")
    assert time.monotonic() - started < 5
    assert runtime.status("demo") == []
    assert all(runtime.log_tail("demo", f"w{i}") == "done" for i in range(3))


def test_each_process_has_its_own_grace(bench: Bench) -> None:
    """Without a grace given, the one of the process counts; with one, that."""
    stubborn = "trap '' TERM; while true; do sleep 0.05; done"
    release = bench.release(
        processes=(worker("short", stubborn, 0.3), worker("long", stubborn, 60))
    )
    runtime = bench.runtime()
    runtime.start_processes(release, {})
    wait_for(lambda: all(item.state is State.RUNNING for item in runtime.status("demo")))
    started = time.monotonic()
    runtime.stop_processes("demo", grace=0.5)
    assert time.monotonic() - started < 4


def test_processes_that_a_release_no_longer_has_are_stopped(bench: Bench) -> None:
    runtime = bench.runtime()
    both = (worker("keep", "sleep 600"), worker("drop", "sleep 600"))
    runtime.start_processes(bench.release(processes=both), {})
    runtime.start_processes(bench.release(processes=both[:1]), {})
    assert [item.name for item in runtime.status("demo")] == ["keep"]


def test_what_is_prepared_runs_when_it_is_started(bench: Bench) -> None:
    """Not before; and then it is the release's web and its processes."""
    runtime, sleeping = bench.runtime(), (worker("worker", "sleep 600"),)
    old, new = bench.release(processes=sleeping), bench.release(processes=sleeping)
    runtime.start_processes(old, {})
    runtime.stop_processes("demo")
    runtime.prepare_processes(new, {})
    runtime.prepare_web(new, "b", {})
    assert runtime.status("demo") == []
    assert answering(runtime.start_web(new, "b", {}))["env"]["HOLDFAST_RELEASE"] == new.id
    runtime.start_processes(new, {})
    wait_for(lambda: find(runtime.status("demo"), "worker").state is State.RUNNING)
    assert find(runtime.status("demo"), "worker").release == new.id


def test_what_was_prepared_in_vain_is_not_started(bench: Bench) -> None:
    """Other variables, or the old release after all: what is asked for is what runs."""
    runtime, sleeping = bench.runtime(), (worker("worker", "sleep 600"),)
    old, new = bench.release(processes=sleeping), bench.release(processes=sleeping)
    runtime.prepare_web(new, "b", {"A": "1"})
    assert answering(runtime.start_web(new, "b", {"A": "2"}))["env"]["A"] == "2"
    runtime.prepare_processes(new, {})
    runtime.start_processes(old, {})
    wait_for(lambda: find(runtime.status("demo"), "worker").state is State.RUNNING)
    assert find(runtime.status("demo"), "worker").release == old.id


def test_starting_one_program_leaves_the_others_alone(bench: Bench) -> None:
    """Other apps and slots keep their processes, whatever is started, stopped or removed."""
    runtime = bench.runtime()
    address = runtime.start_web(bench.release("one"), "a", {})
    pid = answering(address)["pid"]
    other = runtime.start_web(bench.release("two", processes=(worker("w", "sleep 60"),)), "a", {})
    answering(other)
    runtime.stop_web("two", "a", 5)
    runtime.remove("two")
    assert ask(address)["pid"] == pid


# ── crashes ──────────────────────────────────────────────────────────────────────────


def test_a_crashed_process_is_started_again(bench: Bench) -> None:
    """It comes back by itself, at the same address, and the restart is counted."""
    runtime = bench.runtime()
    address = runtime.start_web(bench.release(), "a", {})
    pid = answering(address)["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: ask(address)["pid"] != pid)
    assert find(runtime.status("demo"), "web.a").restarts == 1


def test_a_crash_loop_is_visible_and_slow(bench: Bench) -> None:
    """It backs off, shows the last exit status, and never gives up."""
    runtime = bench.runtime()
    runtime.start_web(bench.release(), "a", {"CRASH": "1"})
    found = wait_for(lambda: _waiting(runtime.status("demo")))[0]
    assert found.exit_status == 7
    assert found.pid is None
    assert runtime.log_tail("demo", "web.a").splitlines()[-1] == "cannot start: no database"
    started = time.monotonic()
    runtime.stop_web("demo", "a", 10)
    assert time.monotonic() - started < 8


def _waiting(states: list[Status]) -> list[Status]:
    return [item for item in states if item.state is State.BACKOFF and item.restarts >= 2]


@not_in_containers
def test_what_a_crashed_server_leaves_does_not_keep_its_port(bench: Bench) -> None:
    """The rest of a crashed program's process group is ended before long."""
    child_file = bench.scratch() / "child"
    release = bench.release(command=f"sleep 600 & echo $! > {child_file}; exec python web.py")
    address = bench.runtime().start_web(release, "a", {})
    pid = answering(address)["pid"]
    child = int(child_file.read_text())
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: gone(child))


# ── logs ─────────────────────────────────────────────────────────────────────────────


def test_logs_of_all_processes_in_the_order_printed(bench: Bench) -> None:
    runtime = bench.runtime()
    release = bench.release(
        processes=(worker("worker", "echo one; sleep 0.5; echo three; sleep 60"),)
    )
    runtime.start_processes(release, {})
    wait_for(lambda: runtime.log_tail("demo", "worker") == "one")
    address = runtime.start_web(release, "a", {})
    answering(address)
    wait_for(lambda: "three" in runtime.log_tail("demo", "worker"))
    ask(address, "/print?four")
    wait_for(lambda: "four" in runtime.log_tail("demo", "web.a"))
    lines = list(runtime.logs("demo", None, since=None, follow=False))
    assert [line.line for line in lines if line.line != "listening"] == ["one", "three", "four"]
    assert [line.at for line in lines] == sorted(line.at or 0 for line in lines)
    web = runtime.logs("demo", ["web"], since=None, follow=False)
    assert [line.line for line in web] == ["listening", "four"]
    assert list(runtime.logs("demo", ["worker"], since=time.time() + 5, follow=False)) == []


def test_logs_since_a_moment(bench: Bench) -> None:
    """``since`` is exact, though the app prints no times."""
    runtime = bench.runtime()
    address = runtime.start_web(bench.release(), "a", {})
    answering(address)
    ask(address, "/print?before")
    wait_for(lambda: "before" in runtime.log_tail("demo", "web.a"))
    time.sleep(0.01)
    moment = time.time()
    ask(address, "/print?after")
    wait_for(lambda: "after" in runtime.log_tail("demo", "web.a"))
    lines = runtime.logs("demo", ["web"], since=moment, follow=False)
    assert [line.line for line in lines] == ["after"]


def test_followed_logs_go_on_until_closed(bench: Bench) -> None:
    runtime = bench.runtime()
    address = runtime.start_web(bench.release(), "a", {})
    answering(address)
    following = runtime.logs("demo", ["web"], since=None, follow=True)
    assert next(following).line == "listening"
    for number in range(3):
        ask(address, f"/print?{number}")
        assert next(following).line == str(number)
    following.close()  # type: ignore[attr-defined]


def test_what_a_process_printed_outlives_it(bench: Bench) -> None:
    runtime = bench.runtime()
    answering(runtime.start_web(bench.release(), "a", {}))
    runtime.stop_web("demo", "a", 5)
    assert runtime.log_tail("demo", "web.a").splitlines() == ["listening", "ended in peace"]
    assert runtime.log_tail("demo", "web.a", lines=1) == "ended in peace"
    assert runtime.log_tail("demo", "nothing") == ""


# ── one-off commands ─────────────────────────────────────────────────────────────────


@not_in_containers
def test_a_one_off_command_has_the_environment_of_a_process(bench: Bench) -> None:
    runtime, release = bench.runtime(), bench.release()
    env = runtime.command_environment(release, {"KEY": Secret("s"), "PATH": "/opt/bin"})
    served = answering(
        runtime.start_web(release, "a", {"KEY": Secret("s"), "PATH": "/opt/bin:/bin"})
    )
    assert env["KEY"] == Secret("s")
    assert env["PATH"] == f"{release.env_path}/bin:/opt/bin"
    assert set(env) - {"KEY", "PATH"} <= set(served["env"])


@pytest.mark.parametrize("whom", ["$$", "0"], ids=["alone", "with-its-group"])
def test_a_one_off_command_says_which_signal_ended_it(bench: Bench, whom: str) -> None:
    """As a shell does: 128 and the signal's number, also of one that counts as a good end, and of
    one that nobody can outlive."""
    runtime, release = bench.runtime(), bench.release()
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE, signal.SIGTERM, signal.SIGKILL)
    numbers = [int(item) for item in signals]
    # One shell more, for in a container the first process is not ended by a signal of its own.
    lines = [f"sh -c 'kill -{number} {whom}'; exit $?" for number in numbers]
    ended = [_status(runtime, release, line) for line in lines]
    assert ended == [128 + number for number in numbers]


def test_ctrl_c_on_the_terminal_of_a_one_off_command(bench: Bench) -> None:
    """It ends the command, as 130; the terminal shows what that says, and gets no title."""
    # No shell: one that is about to fork lets its child miss a signal.
    command = ("python", "-c", "import time; print('ready', flush=True); time.sleep(60)")
    ours, theirs = pty.openpty()
    with bench.runtime().one_off(bench.release(), {}, command, tty=True) as how:
        running = subprocess.Popen(
            ["setsid", "--ctty", *how.argv],
            cwd=how.cwd,
            env={**how.env, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        shown = b""
        while b"ready" not in shown:
            shown += os.read(ours, 1024)
        os.write(ours, b"\x03")
        with suppress(OSError):  # pty(7): the other end is closed
            while chunk := os.read(ours, 1024):
                shown += chunk
        status = running.wait(30)
    os.close(ours)
    assert status in (130, -signal.SIGINT), shown
    assert b"\x1b]" not in shown


def _status(runtime: Runtime, release: Release, line: str) -> int:
    with runtime.one_off(release, {}, ("sh", "-c", line), tty=False) as how:
        done = subprocess.run(
            how.argv,
            cwd=how.cwd,
            env=how.env,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )
        return how.ended(done.returncode if done.returncode >= 0 else 128 - done.returncode)


# ── engine ───────────────────────────────────────────────────────────────────────────


def ran(bench: Bench) -> list[int]:
    return [int(line) for line in (bench.layout.app("demo").home / "ran").read_text().split()]


def test_an_engine_runs_once_and_can_be_started_again(bench: Bench) -> None:
    """A second start while it runs does nothing; after its end it starts it again."""
    runtime = bench.runtime()
    bench.layout.app("demo").make()
    busy = bench.layout.app("demo").home / "busy"
    busy.touch()
    runtime.start_engine("demo")
    wait_for(lambda: ran(bench))
    bench.runtime().start_engine("demo")
    busy.unlink()
    wait_for(lambda: gone(ran(bench)[0]))
    assert len(ran(bench)) == 1
    wait_for(lambda: _started_again(bench))
    assert runtime.log_tail("demo", "engine").count("engine at work") == len(ran(bench))
    assert runtime.status("demo") == []


def _started_again(bench: Bench) -> bool:
    bench.runtime().start_engine("demo")
    time.sleep(0.2)
    return len(ran(bench)) >= 2


def test_a_killed_engine_is_started_again(bench: Bench) -> None:
    """It recovers by itself: nobody has to run a command."""
    bench.layout.app("demo").make()
    busy = bench.layout.app("demo").home / "busy"
    busy.touch()
    bench.runtime().start_engine("demo")
    os.kill(wait_for(lambda: ran(bench))[0], signal.SIGKILL)
    wait_for(lambda: len(ran(bench)) == 2)
    busy.unlink()
    wait_for(lambda: gone(ran(bench)[1]))
    time.sleep(1.5)
    assert len(ran(bench)) == 2


def test_stop_engine_waits_for_its_end(bench: Bench) -> None:
    bench.layout.app("demo").make()
    (bench.layout.app("demo").home / "busy").touch()
    runtime = bench.runtime()
    runtime.stop_engine("demo")
    runtime.start_engine("demo")
    pid = wait_for(lambda: ran(bench))[0]
    runtime.stop_engine("demo")
    assert gone(pid)


# ── all of an app ────────────────────────────────────────────────────────────────────


def test_remove_leaves_nothing(bench: Bench) -> None:
    runtime = bench.runtime()
    release = bench.release(processes=(worker("worker", "sleep 600"),))
    pid = answering(runtime.start_web(release, "a", {}))["pid"]
    runtime.start_processes(release, {})
    runtime.start_engine("demo")
    runtime.remove("demo")
    runtime.remove("demo")
    assert gone(pid)
    assert runtime.status("demo") == []
    assert list(bench.layout.app("demo").run.iterdir()) == []


@pytest.mark.parametrize("name", ["a/b", "x:y", ""])
def test_names_that_cannot_be_are_refused(bench: Bench, name: str) -> None:
    with pytest.raises(ProcessError, match="cannot be called"):
        bench.runtime().start_processes(bench.release(processes=(worker(name, "true"),)), {})


@pytest.mark.parametrize(("name", "called"), [("engine", "engine-service"), ("web.a", "web-a")])
def test_names_that_are_taken(bench: Bench, name: str, called: str) -> None:
    """Refused; the author of a Compose project could not know them, so there another is given."""
    runtime = bench.runtime()
    release = bench.release(processes=(worker(name, "sleep 600"),))
    if bench.kind != "compose":
        with pytest.raises(ProcessError, match="cannot be called"):
            runtime.start_processes(release, {})
        return
    runtime.start_processes(release, {})
    wait_for(lambda: find(runtime.status("demo"), called).state is State.RUNNING)
    runtime.stop_processes("demo", 1)
    assert runtime.status("demo") == []


@not_in_containers
def test_the_name_of_the_web_is_taken(bench: Bench) -> None:
    with pytest.raises(ProcessError, match="cannot be called"):
        bench.runtime().start_processes(bench.release(processes=(worker("web", "true"),)), {})
