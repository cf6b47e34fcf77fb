"""Events as they come: which view a run gets."""

from __future__ import annotations

import os
import sys
from typing import Protocol

from holdfast.cli.invocation import Invocation
from holdfast.cli.show.quiet import Quiet
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


class JsonView:
    """The protocol's own lines."""

    def __init__(self) -> None:
        self._write = Quiet()

    def __call__(self, event: Event) -> None:
        self._write(event.to_line())

    def close(self) -> None:
        pass
