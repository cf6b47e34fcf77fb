"""Events as they come: which view a run gets."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from holdfast.cli.invocation import Invocation
from holdfast.cli.show.quiet import Quiet
from holdfast.protocol import Event, Kind


class View(Protocol):
    """Shows events. Never raises because nobody reads: a deploy goes on without a reader."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None:
        """Give the terminal back."""


def open_view(invocation: Invocation) -> View:
    """JSON lines for a program, a live display on a terminal, else plain lines."""
    return Completed(_chosen(invocation), invocation.complete)


class Completed:
    """What is said with the commands in it as they have to be typed; what is printed as it is."""

    def __init__(self, view: View, complete: Callable[[str], str]) -> None:
        self._view = view
        self._complete = complete

    def __call__(self, event: Event) -> None:
        if event.kind not in (Kind.LOG, Kind.STEP_PROGRESS):
            event = replace(event, data=self._said(event.data))
        self._view(event)

    def _said(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._complete(value)
        if isinstance(value, Mapping):
            # The override of a Compose project is a file, whatever stands in it.
            return {k: v if k == "override" else self._said(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [self._said(item) for item in value]
        return value

    def close(self) -> None:
        self._view.close()


def _chosen(invocation: Invocation) -> View:
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
