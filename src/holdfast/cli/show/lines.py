"""Plain lines: for a pipe, a file, a CI log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.plan import plan_lines
from holdfast.cli.show.quiet import Quiet
from holdfast.protocol import Event, Kind

_WORTH_SAYING = 0.5
"""Seconds from which the time that a step took gets a line."""


class LinesView:
    """One line for what begins, what is printed, and what took a while or went wrong."""

    def __init__(self) -> None:
        self._write = Quiet()
        self._paint = Paint()
        self._titles: dict[str, str] = {}
        self._show: dict[Kind, Callable[[Mapping[str, Any]], None]] = {
            Kind.PLAN_MADE: self._plan,
            Kind.STEP_STARTED: self._started,
            Kind.STEP_DONE: self._done,
            Kind.STEP_FAILED: self._failed,
            Kind.STEP_UNDONE: self._undone,
            Kind.RECOVERY: self._recovery,
            Kind.LOG: self._log,
            Kind.NOTE: self._note,
        }

    def __call__(self, event: Event) -> None:
        if show := self._show.get(event.kind):
            show(event.data)

    def close(self) -> None:
        pass

    def _plan(self, data: Mapping[str, Any]) -> None:
        for line in plan_lines(data.get("plan") or data, self._paint):
            self._write(line)

    def _started(self, data: Mapping[str, Any]) -> None:
        title = str(data.get("title") or data["step"])
        self._titles[str(data["step"])] = title
        self._write(f"- {title}")

    def _done(self, data: Mapping[str, Any]) -> None:
        seconds, note = data.get("seconds") or 0.0, data.get("note")
        if note or seconds >= _WORTH_SAYING:
            self._write(f"  done in {words.seconds(seconds)}" + (f": {note}" if note else ""))

    def _failed(self, data: Mapping[str, Any]) -> None:
        self._write(f"! {self._title(data)}: failed: {data.get('message') or ''}")

    def _undone(self, data: Mapping[str, Any]) -> None:
        self._write(f"< {self._title(data)}: undone")

    def _recovery(self, data: Mapping[str, Any]) -> None:
        self._write(f"! {words.recovery(data)}")

    def _log(self, data: Mapping[str, Any]) -> None:
        self._write(f"  {data.get('source')} | {data.get('line')}")

    def _note(self, data: Mapping[str, Any]) -> None:
        self._write(f"note: {data.get('text')}")

    def _title(self, data: Mapping[str, Any]) -> str:
        step = str(data["step"])
        return self._titles.get(step, step)
