"""What containers print, as Docker keeps it (``docker logs``)."""

from __future__ import annotations

import heapq
import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

from holdfast.execute import run
from holdfast.runtimes.base import plain
from holdfast.runtimes.compose import containers, docker
from holdfast.runtimes.compose.containers import Container
from holdfast.runtimes.contract import LogLine

_END_GRACE = 2.0


def tail(found: Sequence[Container], lines: int) -> str:
    """The last lines of the newest of the containers."""
    newest = sorted(found, key=lambda item: str(item.raw["Created"]))[-1:]
    return "\n".join(line.line for item in newest for line in _of(item, None, lines))


def read(found: Sequence[Container], since: float | None) -> Iterator[LogLine]:
    """All lines of the containers, oldest first."""
    yield from heapq.merge(*(_of(item, since) for item in found), key=lambda line: line.at or 0)


def follow(found: Sequence[Container], since: float | None) -> Iterator[LogLine]:
    """As :func:`read`, and then what is printed, until the iterator is closed."""
    lines: queue.SimpleQueue[LogLine] = queue.SimpleQueue()
    running = [_following(item, since, lines) for item in found]
    try:
        while any(process.poll() is None for process in running) or not lines.empty():
            with suppress(queue.Empty):
                yield lines.get(timeout=0.5)
    finally:
        for process in running:
            process.terminate()
            try:
                process.wait(_END_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()


def _following(
    item: Container, since: float | None, lines: queue.SimpleQueue[LogLine]
) -> subprocess.Popen[str]:
    command = docker.docker("logs", "--timestamps", "--follow", *_since(since), item.id)
    process = subprocess.Popen(
        command.argv,
        env={name: plain(value) for name, value in command.env.items()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )

    def pass_on() -> None:
        assert process.stdout is not None
        for raw in process.stdout:
            lines.put(parse(item.process, raw))

    threading.Thread(target=pass_on, daemon=True).start()
    return process


def _of(item: Container, since: float | None, last: int | None = None) -> list[LogLine]:
    more = () if last is None else (f"--tail={last}",)
    done = run(docker.docker("logs", "--timestamps", *_since(since), *more, item.id), check=False)
    if done.returncode != 0:
        return []
    found = [parse(item.process, raw) for raw in done.output.splitlines()]
    # Two streams, standard output and error: each is in order, together they may not be.
    return sorted(found, key=lambda line: line.at or 0)


def _since(since: float | None) -> tuple[str, ...]:
    return () if since is None else (f"--since={since:.6f}",)


def parse(process: str, raw: str) -> LogLine:
    """A line with its time before it."""
    stamp, _, text = raw.rstrip("\r\n").partition(" ")
    try:
        return LogLine(process, text, containers.moment(stamp))
    except ValueError:
        return LogLine(process, raw.rstrip("\r\n"))
