"""Output that nobody may read any more: a deploy goes on without a reader."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from holdfast.errors import HoldfastError


class Quiet:
    """Writes until nobody reads any more, and then writes nothing.

    One text at a time: ``print`` writes a line and its end apart, and what Ctrl-C has to say
    comes from a thread of its own.
    """

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write if write is not None else _print
        self._turn = threading.Lock()
        self.gone = False

    def __call__(self, text: str) -> None:
        with self._turn:
            if self.gone:
                return
            try:
                self._write(text)
            except BrokenPipeError:
                self.gone = True
                _stdout_to_nowhere()
            except HoldfastError as error:  # a disk that is full is no reader who went away
                self.gone = True
                _stdout_to_nowhere()
                with suppress(OSError):
                    print(f"{error.message}; the command goes on", file=sys.stderr, flush=True)


def _print(text: str) -> None:
    print(text, flush=True)


def _stdout_to_nowhere() -> None:
    """What is still buffered must not fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
