"""A live display on a terminal: finished steps stay as lines, the running one moves.

rich is imported here and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.plan import plan_lines
from holdfast.protocol import Event, Kind

_TITLE_WIDTH = 38
_REFRESH = 12
"""Redraws a second."""


class LiveView:
    """Shows a deploy while it runs."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._paint = Paint(self._console.file)  # type: ignore[arg-type]
        self._current = Current()
        self._live = Live(
            self._current, console=self._console, refresh_per_second=_REFRESH, transient=True
        )
        self._titles: dict[str, str] = {}
        self._show: dict[Kind, Callable[[Mapping[str, Any]], None]] = {
            Kind.PLAN_MADE: self._plan,
            Kind.STEP_STARTED: self._started,
            Kind.STEP_PROGRESS: self._current.progress,
            Kind.STEP_DONE: self._done,
            Kind.STEP_FAILED: self._failed,
            Kind.STEP_UNDONE: self._undone,
            Kind.RECOVERY: lambda data: self._tell(words.recovery(data)),
            Kind.LOG: self._current.log,
            Kind.NOTE: lambda data: self._tell(str(data.get("text"))),
        }
        self._live.start()

    def __call__(self, event: Event) -> None:
        if show := self._show.get(event.kind):
            show(event.data)

    def close(self) -> None:
        self._current.end()
        self._live.stop()

    def _plan(self, data: Mapping[str, Any]) -> None:
        for line in plan_lines(data.get("plan") or data, self._paint):
            self._console.print(Text.from_ansi(line))

    def _started(self, data: Mapping[str, Any]) -> None:
        title = str(data.get("title") or data["step"])
        self._titles[str(data["step"])] = title
        self._current.begin(title)
        self._live.refresh()

    def _done(self, data: Mapping[str, Any]) -> None:
        self._finish("green", "✓", data, str(data.get("note") or ""))

    def _failed(self, data: Mapping[str, Any]) -> None:
        self._finish("red", "✗", data, _first_line(str(data.get("message") or "")))

    def _undone(self, data: Mapping[str, Any]) -> None:
        self._finish("yellow", "↶", data, "undone")

    def _finish(self, color: str, mark: str, data: Mapping[str, Any], note: str) -> None:
        step = str(data["step"])
        title = self._titles.get(step, step)
        taken = data.get("seconds")
        time_ = words.seconds(taken) if taken is not None else ""
        text = f"{title:<{_TITLE_WIDTH}} {time_:>7}"
        self._current.end()
        self._say(color, mark, text + (f"  {note}" if note else ""))

    def _tell(self, text: str) -> None:
        """Something to be read whole; the terminal wraps it, so a command in it can be copied."""
        self._console.print(Text.assemble(("!", "yellow"), " ", text.rstrip()), soft_wrap=True)

    def _say(self, color: str, mark: str, text: str) -> None:
        line = Text.assemble((mark, color), " ", text.rstrip())
        self._console.print(line, no_wrap=True, overflow="ellipsis")


class Current:
    """What moves: the running step, how long it has run, how many wait, the last log line."""

    def __init__(self) -> None:
        self._spinner = Spinner("dots", style="cyan")
        self._numbers: dict[str, Any] = {}
        self.end()

    def begin(self, title: str) -> None:
        self._title, self._began = title, time.monotonic()
        self._line = ""
        self._numbers.clear()

    def end(self) -> None:
        self._title, self._began, self._line = "", 0.0, ""
        self._numbers.clear()

    def progress(self, data: Mapping[str, Any]) -> None:
        self._numbers.update({name: value for name, value in data.items() if name != "step"})

    def log(self, data: Mapping[str, Any]) -> None:
        self._line = f"{data.get('source')} │ {data.get('line')}"

    def __rich__(self) -> Group:
        if not self._title:
            return Group()
        row = Table.grid(padding=(0, 1))
        passed = words.seconds(time.monotonic() - self._began)
        text = f"{self._title:<{_TITLE_WIDTH}} {passed:>7}  {progress_words(self._numbers)}"
        row.add_row(self._spinner, Text(text.rstrip(), no_wrap=True, overflow="ellipsis"))
        if not self._line:
            return Group(row)
        last = Text(f"  {self._line}", style="dim", no_wrap=True, overflow="ellipsis")
        return Group(row, last)


_WORDS = {"held": "waiting", "in_flight": "in flight", "left": "left"}


def progress_words(numbers: Mapping[str, Any]) -> str:
    """``12 waiting, 3 in flight``; bytes of an upload as a share of the whole."""
    parts = []
    for name, value in numbers.items():
        if isinstance(value, int | float):
            parts.append(f"{value:,} {_WORDS.get(name, name.replace('_', ' '))}")
        elif value:
            parts.append(str(value))
    return ", ".join(parts)


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
