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
from dataclasses import dataclass
from typing import IO

from holdfast.command import Command, Secret
from holdfast.errors import CommandFailed

TAIL_LINES = 60
_STOP_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class Completed:
    """How a command ended: exit status, all of its output, seconds it took."""

    returncode: int
    output: str
    seconds: float


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
) -> Completed:
    """Run to the end, or to the time limit.

    Standard output and error come back together, in the order written. The command
    runs in a process group of its own, and the whole group is ended with it.

    Args:
        check: raise on a non-zero exit status.
        on_line: called with each line as it comes, without its line end.
        should_stop: asked a few times a second; true ends the command like a time-out.

    Raises:
        CommandFailed: not found, non-zero status (with ``check``), out of time, or stopped.
    """
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            command.argv,
            env=environment(command),
            cwd=command.cwd,
            stdin=subprocess.PIPE if command.stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise CommandFailed(
            f"{command.name}: cannot be run: {error.strerror or error}",
            returncode=None,
            output="",
        ) from error
    output = _Output(on_line)
    try:
        reason = _pump(process, command, output, started, should_stop)
    finally:
        _end(process)
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


class _Output:
    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._chunks: list[bytes] = []
        self._partial = b""
        self._on_line = on_line

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
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
        return b"".join(self._chunks).decode(errors="replace")

    def tail(self) -> str:
        return "\n".join(deque(self.text().splitlines(), TAIL_LINES))


def _pump(
    process: subprocess.Popen[bytes],
    command: Command,
    output: _Output,
    started: float,
    should_stop: Callable[[], bool] | None,
) -> str | None:
    """Feed and read until the process ends; say why if it had to be ended."""
    assert process.stdout is not None
    deadline = started + command.timeout
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(
                process.stdin, selectors.EVENT_WRITE, memoryview(command.stdin or b"")
            )
        open_output = True
        while open_output or process.poll() is None:
            if time.monotonic() > deadline:
                return f"took longer than {command.timeout:g} s and was stopped"
            if should_stop is not None and should_stop():
                return "was stopped"
            if not open_output:
                time.sleep(0.01)
                continue
            for key, events in selector.select(0.1):
                if events & selectors.EVENT_READ:
                    chunk = os.read(key.fd, 65536)
                    if chunk:
                        output.feed(chunk)
                    else:
                        selector.unregister(process.stdout)
                        open_output = False
                else:
                    _feed(selector, key)
            if open_output and process.poll() is not None and not selector.select(0):
                # A background child kept our pipe: what matters has ended.
                break
    output.finish()
    return None


def _feed(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    stream: IO[bytes] = key.fileobj  # type: ignore[assignment]
    try:
        written = os.write(key.fd, key.data[:65536])
        rest = key.data[written:]
    except BrokenPipeError:
        rest = b""
    if rest:
        selector.modify(stream, selectors.EVENT_WRITE, rest)
    else:
        selector.unregister(stream)
        stream.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and its group if it still runs: TERM, a short grace, KILL."""
    for name in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, name)
        except ProcessLookupError:
            break
        try:
            process.wait(_STOP_GRACE)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None and not stream.closed:
            with suppress(BrokenPipeError):
                stream.close()
