"""Running commands: real programs, real signals."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast import execute
from holdfast.command import Command, Secret, shell
from holdfast.errors import CommandFailed
from holdfast.execute import MOST_KEPT, TAIL_LINES, run


def lives(pid: int) -> bool:
    """Whether the process runs; one that is dead and not collected does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def eventually(condition: Callable[[], bool], seconds: float = 5) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return condition()


def python(script: str, timeout: float = 20, **rest: object) -> Command:
    return Command((sys.executable, "-c", script), timeout=timeout, **rest)  # type: ignore[arg-type]


def test_output_and_error_come_together_in_the_order_written() -> None:
    """What went to standard error stands between what went to standard output."""
    done = run(shell("echo one; echo two >&2; echo three", timeout=5))
    assert (done.returncode, done.output) == (0, "one\ntwo\nthree\n")
    assert 0 < done.seconds < 5


def test_non_zero_status_is_an_error_with_the_end_of_the_output() -> None:
    """The error names command and status, and carries the last lines."""
    script = "for i in $(seq 100); do echo line $i; done; exit 3"
    with pytest.raises(CommandFailed, match="build: ended with status 3") as caught:
        run(Command(("/bin/sh", "-c", script), timeout=5, title="build"))
    assert caught.value.returncode == 3
    lines = caught.value.output.splitlines()
    assert (len(lines), lines[-1]) == (TAIL_LINES, "line 100")


def test_unchecked_status_is_returned() -> None:
    """Without check the caller judges the status."""
    assert run(shell("exit 7", timeout=5), check=False).returncode == 7


def test_death_by_signal_is_a_negative_status() -> None:
    """As everywhere in Python: minus the signal's number."""
    with pytest.raises(CommandFailed, match="status -9"):
        run(shell("kill -9 $$", timeout=5))


def test_lines_are_handed_on_as_they_come() -> None:
    """A line is seen while the command still runs, without its line end; a last half one too."""
    seen: list[tuple[str, float]] = []
    started = time.monotonic()
    script = "echo first; sleep 0.5; printf 'second\\r\\nlast'"
    run(shell(script, timeout=5), on_line=lambda line: seen.append((line, time.monotonic())))
    assert [line for line, _ in seen] == ["first", "second", "last"]
    assert seen[0][1] - started < 0.4 < seen[1][1] - started


def test_standard_input_is_fed_whole_while_output_is_read() -> None:
    """More than any pipe holds goes in and out again without a deadlock."""
    data = b"".join(b"%07d\n" % number for number in range(400_000))
    assert run(Command(("cat",), timeout=20, stdin=data)).output == data.decode()


def test_input_that_nobody_reads_is_no_error() -> None:
    """A program may end without reading what it is offered."""
    assert run(Command(("true",), timeout=5, stdin=b"x" * 1_000_000)).returncode == 0


@pytest.mark.parametrize("stdin", [None, b""])
def test_no_input_is_the_end_of_the_file(stdin: bytes | None) -> None:
    """A program that asks a question gets no answer instead of waiting for ever."""
    assert run(Command(("cat",), timeout=5, stdin=stdin)).output == ""


def test_big_output_is_kept_to_its_end() -> None:
    """Of more than the limit the last 16 MB are kept, and memory stays bounded."""
    size = MOST_KEPT + 3_000_000
    done = run(python(f"import sys; sys.stdout.write('x' * {size} + 'end')"))
    assert len(done.output) == MOST_KEPT
    assert done.output.endswith("xend")


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    """Output in another encoding is shown as well as it can be, in lines and as a whole."""
    seen: list[str] = []
    done = run(shell(r"printf 'caf\351 \303\244\n'", timeout=5), on_line=seen.append)
    assert done.output == "caf� ä\n"
    assert seen == ["caf� ä"]


def test_character_cut_in_two_by_the_pipe_is_whole_again() -> None:
    """A line that arrives in pieces is decoded once it is whole."""
    seen: list[str] = []
    run(shell(r"printf '\303'; sleep 0.2; printf '\244\n'", timeout=5), on_line=seen.append)
    assert seen == ["ä"]


def test_missing_program_is_named() -> None:
    """The error says which program, and what to do."""
    with pytest.raises(CommandFailed, match="no-such-program") as caught:
        run(Command(("no-such-program", "x"), timeout=5))
    assert caught.value.returncode is None
    assert caught.value.hint is not None
    assert "PATH" in caught.value.hint


def test_missing_working_directory_is_named(tmp_path: Path) -> None:
    """It is the directory that is missing, not the program, and the error says so."""
    with pytest.raises(CommandFailed, match=r"No such file or directory: .*/gone"):
        run(Command(("true",), timeout=5, cwd=tmp_path / "gone"))


def test_time_limit_ends_the_whole_group() -> None:
    """At the limit the command and its children are ended, and the error shows its output."""
    with pytest.raises(CommandFailed, match=r"took longer than 0.5 s") as caught:
        run(shell("sleep 300 & echo $!; wait", timeout=0.5))
    assert caught.value.returncode is None
    child = int(caught.value.output)
    assert not lives(child)


def test_child_that_ignores_term_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grace over, KILL ends what TERM did not, even after the command itself has ended."""
    monkeypatch.setattr(execute, "_STOP_GRACE", 0.3)
    script = "(trap '' TERM; echo ready; while :; do sleep 0.05; done) & echo $!; wait"
    with pytest.raises(CommandFailed, match="took longer") as caught:
        run(shell(script, timeout=0.5))
    child = next(int(line) for line in caught.value.output.split() if line.isdigit())
    assert not lives(child)


def test_command_gets_its_grace_to_clean_up() -> None:
    """A command that handles TERM may finish what it does, and its last words are not lost."""
    script = "trap 'sleep 0.3; touch cleaned; exit' TERM; while :; do sleep 0.05; done"
    target = Path(os.environ.get("TMPDIR", "/tmp")) / f"hf-grace-{os.getpid()}"
    with pytest.raises(CommandFailed):
        run(shell(script.replace("cleaned", str(target)), timeout=0.3))
    assert target.exists()
    target.unlink()


def test_stop_ends_it_soon() -> None:
    """Asked to stop, the command is ended within a second, whatever its time limit."""
    started = time.monotonic()
    with pytest.raises(CommandFailed, match="was stopped"):
        run(shell("sleep 300", timeout=300), should_stop=lambda: time.monotonic() > started + 0.2)
    assert time.monotonic() - started < 1.5


def test_background_child_that_holds_the_pipe_does_not_hold_us() -> None:
    """The command has ended, so the call ends, with its output; the leftover is ended too."""
    started = time.monotonic()
    done = run(shell("sleep 300 & echo $!; echo done", timeout=60))
    assert time.monotonic() - started < 3
    child, last = done.output.split()
    assert last == "done"
    assert eventually(lambda: not lives(int(child)))


def test_background_child_that_goes_on_writing_does_not_hold_us() -> None:
    """A chatty leftover can't keep the call going."""
    started = time.monotonic()
    done = run(shell("yes & echo start", timeout=60))
    assert done.returncode == 0
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("daemon", [True, False])
def test_what_stays_in_the_group(daemon: bool) -> None:
    """Said to be a daemon it goes on, though it has not called setsid yet; else it is ended."""
    done = run(shell("sleep 30 & echo $!", timeout=20), daemon=daemon)
    left = int(done.output)
    assert lives(left) is daemon
    if daemon:
        os.kill(left, signal.SIGKILL)


def test_daemon_goes_on() -> None:
    """A program that put itself into a session of its own is meant to stay: it is left alone."""
    script = """
import os, time
ready, told = os.pipe()
if pid := os.fork():
    os.read(ready, 1)
    print(pid)
else:
    os.setsid()
    for descriptor in (1, 2):
        os.close(descriptor)
    os.write(told, b".")
    time.sleep(300)
"""
    done = run(python(script))
    daemon = int(done.output)
    assert lives(daemon)
    os.kill(daemon, signal.SIGKILL)


def test_command_that_closes_its_output_is_waited_for() -> None:
    """The end of the output is not the end of the command."""
    done = run(shell("exec >&- 2>&-; sleep 0.5; exit 4", timeout=5), check=False)
    assert done.returncode == 4
    assert done.seconds > 0.4


def test_error_in_the_listener_ends_the_command() -> None:
    """When our side fails, nothing is left running."""
    seen: list[str] = []

    def listen(line: str) -> None:
        seen.append(line)
        raise RuntimeError("listener")

    with pytest.raises(RuntimeError, match="listener"):
        run(shell("echo $$; sleep 300", timeout=60), on_line=listen)
    assert not lives(int(seen[0]))


def test_environment_adds_to_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default a command gets our variables and its own, its own winning."""
    monkeypatch.setenv("HF_OURS", "ours")
    monkeypatch.setenv("HF_BOTH", "ours")
    command = shell(
        "echo $HF_OURS $HF_BOTH $HF_SECRET",
        timeout=5,
        env={"HF_BOTH": "its", "HF_SECRET": Secret("hunter2")},
    )
    assert run(command).output == "ours its hunter2\n"


def test_clean_environment_is_the_whole_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """With clean_env nothing of ours leaks in."""
    monkeypatch.setenv("HF_OURS", "ours")
    command = Command(("/usr/bin/env",), timeout=5, env={"ONLY": "this"}, clean_env=True)
    assert run(command).output == "ONLY=this\n"


def test_secret_stays_out_of_the_error() -> None:
    """A failing command's error shows what it printed, never the environment it got."""
    command = shell("echo failed; exit 1", timeout=5, env={"KEY": Secret("hunter2")})
    with pytest.raises(CommandFailed) as caught:
        run(command)
    assert "hunter2" not in f"{caught.value} {caught.value.output} {caught.value!r}"


def test_no_descriptor_and_no_zombie_is_left() -> None:
    """A hundred runs leave no open file and no child behind."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("counts descriptors in /proc")
    before = len(list(descriptors.iterdir()))
    for _ in range(100):
        run(Command(("true",), timeout=5, stdin=b"x"))
    assert len(list(descriptors.iterdir())) <= before
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_starting_and_ending_costs_milliseconds() -> None:
    """A deploy runs dozens of commands: the wrapper adds no waiting of its own."""
    assert min(run(Command(("true",), timeout=5)).seconds for _ in range(20)) < 0.05
