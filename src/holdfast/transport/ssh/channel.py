"""A running ``serve`` at the far end: one request after the other over its streams."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Callable

from holdfast.errors import TransportError

_CHUNK = 1 << 16
_LONGEST_SELECT = 3600.0
"""Seconds; the kernel takes no more than some weeks at a time (epoll_wait(2))."""


class Channel:
    """An ssh process whose far end answers requests.

    Args:
        process: started with pipes for its standard input and output.
        beginning: what was already read of its output.

    Attributes:
        whole: between two requests. A channel left in the middle of one is of no more use.
    """

    def __init__(self, process: subprocess.Popen[bytes], beginning: bytes = b"") -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self.whole = True
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()
        self._read = beginning
        os.set_blocking(self._in, False)

    def ask(self, data: bytes, take: Callable[[str], bool], timeout: float) -> bool:
        """Send a request and read its answer.

        Args:
            take: is given each line, and says whether it was the last.
            timeout: seconds for all of it.

        Returns:
            False when the far end went away before the last line.

        Raises:
            TransportError: out of time.
        """
        self.whole = False
        deadline = time.monotonic() + timeout
        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            selector.register(self._in, selectors.EVENT_WRITE, memoryview(data))
            while not self._taken(take):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TransportError(f"no answer within {timeout:g} s")
                if not self._exchange(selector, left):
                    self._taken(lambda line: take(line) and False)
                    return False
        self.whole = True
        return True

    def line(self, deadline: float) -> str | None:
        """One line without asking; ``None`` at the end, or out of time (monotonic)."""
        found: list[str] = []

        def keep(line: str) -> bool:
            found.append(line)
            return True

        with selectors.DefaultSelector() as selector:
            selector.register(self._out, selectors.EVENT_READ)
            while not self._taken(keep):
                left = deadline - time.monotonic()
                if left <= 0 or not self._exchange(selector, left):
                    return None
        return found[0]

    def send(self, data: bytes) -> None:
        """A few bytes that fit any pipe."""
        try:
            os.write(self._in, data)
        except OSError:
            self.whole = False

    def end(self, grace: float) -> int | None:
        """Close it and wait; its status, or ``None`` when it had to be ended."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
        try:
            return self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(grace)
            return None

    def _taken(self, take: Callable[[str], bool]) -> bool:
        """Hand on the whole lines there are, to the last one of the answer."""
        while b"\n" in self._read:
            line, _, self._read = self._read.partition(b"\n")
            if take(line.decode(errors="surrogateescape").rstrip("\r")):
                return True
        return False

    def _exchange(self, selector: selectors.BaseSelector, patience: float) -> bool:
        """Move what can be moved; False when the far end has closed its output."""
        for key, _ in selector.select(min(patience, _LONGEST_SELECT)):
            if key.fd == self._in:
                self._feed(selector, key.data)
            elif chunk := os.read(self._out, _CHUNK):
                self._read += chunk
            else:
                return False
        return True

    def _feed(self, selector: selectors.BaseSelector, unsent: memoryview) -> None:
        try:
            unsent = unsent[os.write(self._in, unsent[:_CHUNK]) :]
        except BrokenPipeError:  # its last words may still be on their way
            unsent = unsent[:0]
        if unsent:
            selector.modify(self._in, selectors.EVENT_WRITE, unsent)
        else:
            selector.unregister(self._in)
