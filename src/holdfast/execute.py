"""Run a :class:`~holdfast.command.Command` here: time limit, output kept, no zombie left."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from holdfast.account import Account, no_new_privileges
from holdfast.command import Command, Secret
from holdfast.errors import CommandFailed
from holdfast.records import record

TAIL_LINES = 60
MOST_KEPT = 16 * 1024 * 1024
"""Bytes of output kept; of more, the end."""

_STOP_GRACE = 5.0
_CHUNK = 65536


@record
class Completed:
    """How a command ended: exit status, its output (the last 16 MB), seconds it took."""

    returncode: int
    output: str
    seconds: float

    def tail(self) -> str:
        """The last lines of the output, as an error shows them."""
        return last_lines(self.output)


def last_lines(text: str) -> str:
    """The last :data:`TAIL_LINES` lines."""
    return "\n".join(deque(text.splitlines(), TAIL_LINES))


def environment(command: Command) -> dict[str, str]:
    """The environment the command gets, secrets in the clear."""
    base = {} if command.clean_env else dict(os.environ)
    for name, value in command.env.items():
        base[name] = value.value if isinstance(value, Secret) else value
    return base


def run(
    command: Command,
    *,
    check: bool = True,
    on_line: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    daemon: bool = False,
) -> Completed:
    """Run to the end, or to the time limit.

    Standard output and error come back together, in the order written. The command
    runs in a session of its own, and what is left of its process group ends with it.

    Args:
        check: raise on a non-zero exit status.
        daemon: it leaves a process behind on purpose, which goes on if all went well. (Such
            a process calls setsid(2) to leave the group, but often after its parent ended.)
        on_line: called with each line as it comes, without its line end.
        should_stop: asked a few times a second; true ends the command like a time-out.

    Raises:
        CommandFailed: not found, non-zero status (with ``check``), out of time, or stopped.
    """
    started = time.monotonic()
    process = _start(command)
    output = _Output(on_line)
    leave = False
    try:
        reason = _pump(process, command, output, started, should_stop)
        leave = daemon and reason is None and process.returncode == 0
    finally:
        _end(process, leave=leave)
    seconds = time.monotonic() - started
    if reason is not None:
        raise CommandFailed(f"{command.name}: {reason}", returncode=None, output=output.tail())
    if check and process.returncode != 0:
        raise CommandFailed(
            f"{command.name}: ended with status {process.returncode}",
            returncode=process.returncode,
            output=output.tail(),
        )
    return Completed(process.returncode, output.text(), seconds)


def _start(command: Command) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.argv,
            env=environment(command),
            cwd=command.cwd,
            stdin=subprocess.PIPE if command.stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **identity(command.user),
        )
    except OSError as error:
        # The file named is the program's, or the working directory's if that is missing.
        raise CommandFailed(
            f"{command.name}: cannot be run: {error.strerror or error}: {error.filename}",
            returncode=None,
            output="",
            hint=f"is {command.argv[0]} installed and on PATH?" if not command.cwd else None,
        ) from error


def identity(user: Account | None) -> dict[str, Any]:
    """What :class:`subprocess.Popen` is told to start something as ``user`` and nobody else."""
    if user is None:
        return {}
    no_new_privileges()
    return {"user": user.uid, "group": user.gid, "extra_groups": [], "umask": 0o027}


class _Output:
    """What a command printed: handed on line by line, its end kept."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._partial = b""
        self._on_line = on_line

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size > MOST_KEPT + _CHUNK:
            self._size -= len(self._chunks.popleft())
        if self._on_line is None:
            return
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        for line in lines:
            self._on_line(line.decode(errors="replace").rstrip("\r"))

    def finish(self) -> None:
        if self._on_line is not None and self._partial:
            self._on_line(self._partial.decode(errors="replace"))
            self._partial = b""

    def text(self) -> str:
        return b"".join(self._chunks)[-MOST_KEPT:].decode(errors="replace")

    def tail(self) -> str:
        return last_lines(self.text())


def _pump(
    process: subprocess.Popen[bytes],
    command: Command,
    output: _Output,
    started: float,
    should_stop: Callable[[], bool] | None,
) -> str | None:
    """Feed and read until the process ends; say why if it has to be ended."""
    assert process.stdout is not None
    deadline = started + command.timeout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            unsent = memoryview(command.stdin or b"")
            selector.register(process.stdin, selectors.EVENT_WRITE, unsent)
        while process.poll() is None:
            if time.monotonic() > deadline:
                return f"took longer than {command.timeout:g} s and was stopped"
            if should_stop is not None and should_stop():
                return "was stopped"
            _exchange(process, selector, output)
    _drain(process.stdout.fileno(), output)
    output.finish()
    return None


def _exchange(
    process: subprocess.Popen[bytes], selector: selectors.BaseSelector, output: _Output
) -> None:
    """Wait up to 0.1 s for the pipes, and move what can be moved."""
    for key, events in selector.select(0.1) if selector.get_map() else ():
        if events & selectors.EVENT_WRITE:
            _feed(selector, key)
        elif chunk := os.read(key.fd, _CHUNK):
            output.feed(chunk)
        else:
            selector.unregister(key.fileobj)
    if not selector.get_map():
        # All pipes are closed: it has ended or is about to (or goes on without them).
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.1)


def _feed(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
    try:
        written = os.write(key.fd, key.data[:_CHUNK])
        rest = key.data[written:]
    except BrokenPipeError:
        rest = b""
    if rest:
        selector.modify(stream, selectors.EVENT_WRITE, rest)
    else:
        selector.unregister(stream)
        stream.close()


def _drain(descriptor: int, output: _Output) -> None:
    """Read what the ended process left in the pipe.

    A background child may hold the pipe open, and even go on writing: what the process
    itself wrote fits into the pipe (pipe(7): 64 kB, at most 1 MB), so no more is read.
    """
    os.set_blocking(descriptor, False)
    with suppress(BlockingIOError):
        for _ in range(16):
            chunk = os.read(descriptor, _CHUNK)
            if not chunk:
                return
            output.feed(chunk)


def _end(process: subprocess.Popen[bytes], *, leave: bool) -> None:
    """End what is left of the process and its group: TERM, a short grace, KILL."""
    for name in () if leave else (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None and not _group_lives(process.pid):
            break
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, name)
        deadline = time.monotonic() + _STOP_GRACE
        while time.monotonic() < deadline:
            if process.poll() is not None and not _group_lives(process.pid):
                break
            time.sleep(0.01)
    for stream in (process.stdin, process.stdout):
        if stream is not None and not stream.closed:
            with suppress(BrokenPipeError):
                stream.close()


def _group_lives(group: int) -> bool:
    """Whether a process of the group still runs.

    The kernel gives a group's number to nobody else while the group has a member.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    processes = Path("/proc")
    if not (processes / "self" / "stat").exists():
        return True
    # Where PID 1 collects no orphans (many containers), the dead stay in the group.
    return any(_runs_in(group, path) for path in processes.glob("[0-9]*/stat"))


def _runs_in(group: int, stat: Path) -> bool:
    try:
        state, _, its_group = stat.read_bytes().rpartition(b")")[2].split()[:3]
    except (OSError, ValueError):  # it ended meanwhile
        return False
    return int(its_group) == group and state not in (b"Z", b"X")
