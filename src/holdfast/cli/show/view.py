"""Events as they come: which view a run gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Protocol

from holdfast.cli.invocation import Invocation
from holdfast.protocol import Event


class View(Protocol):
    """Shows events. Never raises because nobody reads: a deploy goes on without a reader."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None:
        """Give the terminal back."""


def open_view(invocation: Invocation) -> View:
    """JSON lines for a program, a live display on a terminal, else plain lines."""
    if invocation.json:
        return JsonView()
    if sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        from holdfast.cli.show.live import LiveView

        return LiveView()
    from holdfast.cli.show.lines import LinesView

    return LinesView()


class Quiet:
    """Writes until nobody reads any more, and then writes nothing."""

    def __init__(self, write: Callable[[str], None] | None = None) -> None:
        self._write = write if write is not None else _print
        self.gone = False

    def __call__(self, text: str) -> None:
        if self.gone:
            return
        try:
            self._write(text)
        except BrokenPipeError:
            self.gone = True
            _stdout_to_nowhere()


class JsonView:
    """The protocol's own lines."""

    def __init__(self) -> None:
        self._write = Quiet()

    def __call__(self, event: Event) -> None:
        self._write(event.to_line())

    def close(self) -> None:
        pass


def _print(text: str) -> None:
    print(text, flush=True)


def _stdout_to_nowhere() -> None:
    """What is still buffered must not fail again when Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
