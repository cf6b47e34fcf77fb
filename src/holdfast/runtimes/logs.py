"""Log files whose lines start with their time, read across rotations.

``NAME.log`` is written to; ``NAME.log.1`` is the one before, and so on. A line is
``2026-11-23T09:15:02.123Z text``.
"""

from __future__ import annotations

import heapq
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO

from holdfast.runtimes.contract import LogLine

_STAMP = 24
_POLL = 0.1
_TAIL_BYTES = 128 * 1024


def parse(process: str, raw: bytes) -> LogLine:
    """One line; ``at`` is ``None`` for a line without a time (a torn one)."""
    text = raw.decode(errors="replace").rstrip("\n")
    stamp, space, rest = text[:_STAMP], text[_STAMP : _STAMP + 1], text[_STAMP + 1 :]
    if space == " " and stamp.endswith("Z"):
        try:
            return LogLine(process, rest, datetime.fromisoformat(stamp).timestamp())
        except ValueError:
            pass
    return LogLine(process, text)


def tail(file: Path, lines: int) -> str:
    """The last lines without their times; ``""`` if there are none."""
    found: list[bytes] = []
    for path in (file, _older(file, 1)):
        try:
            with path.open("rb") as stream:
                size = stream.seek(0, os.SEEK_END)
                stream.seek(max(0, size - _TAIL_BYTES))
                found = stream.read().splitlines() + found
        except OSError:
            break
        if len(found) > lines:
            break
    return "\n".join(parse("", raw).line for raw in found[-lines:])


def read(files: dict[str, Path], since: float | None) -> Iterator[LogLine]:
    """What is in the files (by process) now, merged by time, oldest first."""
    with ExitStack() as stack:
        readers = [_Reader(name, file, stack) for name, file in sorted(files.items())]
        yield from _merged(readers, since)


def follow(files: Callable[[], dict[str, Path]], since: float | None) -> Iterator[LogLine]:
    """As :func:`read`, and then what is added, until the iterator is closed.

    Args:
        files: asked again and again: a process may be new.
    """
    with ExitStack() as stack:
        readers: dict[str, _Reader] = {}
        while True:
            for name, file in sorted(files().items()):
                if name not in readers:
                    readers[name] = _Reader(name, file, stack)
            quiet = True
            for line in _merged(list(readers.values()), since):
                quiet = False
                yield line
            if quiet:
                time.sleep(_POLL)


def _merged(readers: list[_Reader], since: float | None) -> Iterator[LogLine]:
    first = math.floor((since or 0) * 1000) / 1000  # the lines' times are cut to milliseconds
    for _, line in heapq.merge(*(reader.lines() for reader in readers), key=lambda pair: pair[0]):
        if since is None or line.at is None or line.at >= first:
            yield line


def _older(file: Path, index: int) -> Path:
    return file.with_name(f"{file.name}.{index}") if index else file


class _Reader:
    """Reads one log from its oldest file to its newest, and on from where it stopped."""

    def __init__(self, process: str, file: Path, stack: ExitStack) -> None:
        self._process = process
        self._file = file
        self._stream: IO[bytes] | None = None
        self._partial = b""
        self._last = 0.0
        stack.callback(self._close)

    def lines(self) -> Iterator[tuple[float, LogLine]]:
        """The whole lines that are there and were not read yet, with what sorts them."""
        while True:
            if self._stream is None and not self._open(self._oldest()):
                return
            yield from self._drain()
            newer = self._newer()
            if newer is None:
                return
            yield from self._drain()
            self._open(newer)

    def _drain(self) -> Iterator[tuple[float, LogLine]]:
        assert self._stream is not None
        while raw := self._stream.readline():
            self._partial += raw
            if not self._partial.endswith(b"\n"):
                return
            line = parse(self._process, self._partial)
            self._partial = b""
            self._last = max(self._last, line.at or 0.0)
            yield self._last, line

    def _oldest(self) -> Path:
        index = 0
        while _older(self._file, index + 1).exists():
            index += 1
        return _older(self._file, index)

    def _newer(self) -> Path | None:
        """The file that came after the one being read, wherever rotation has put them."""
        assert self._stream is not None
        mine = os.fstat(self._stream.fileno())
        index = 0
        while True:
            try:
                there = _older(self._file, index).stat()
            except FileNotFoundError:
                # Ours was rotated out of existence: go on with the oldest there is.
                return self._oldest() if index else None
            if os.path.samestat(mine, there):
                return _older(self._file, index - 1) if index else None
            index += 1

    def _open(self, path: Path) -> bool:
        self._close()
        self._partial = b""
        try:
            self._stream = path.open("rb")
        except OSError:
            self._stream = None
        return self._stream is not None

    def _close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
