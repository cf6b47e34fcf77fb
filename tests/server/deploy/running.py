"""A ``holdfast`` command while it runs: its lines as they come, signals, its end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.place import Place

Line = Mapping[str, Any]
PATIENCE = 100.0
"""Seconds for anything that is going to happen, on a machine that does much else."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        status: its exit status; negative if a signal ended it.
        lines: the JSON it printed, events and the result or error.
        said: whatever else it printed.
    """

    status: int
    lines: tuple[Line, ...]
    said: str

    @property
    def error(self) -> Line:
        """The error it ended with, as ``--json`` tells it."""
        found = next((dict(line["error"]) for line in self.lines if _last(line, "error")), None)
        assert found is not None, f"it ended without an error: {self}"
        return found

    @property
    def result(self) -> Line:
        """The result it ended with."""
        found = next((dict(line["result"]) for line in self.lines if _last(line, "result")), None)
        assert found is not None, f"it ended without a result: {self}"
        return found

    @property
    def outcome(self) -> str | None:
        """How the deploy ended, if it was told."""
        ended = self.events("deploy.ended")
        return str(ended[-1]["outcome"]) if ended else None

    def events(self, kind: str) -> list[Line]:
        return [line for line in self.lines if line.get("event") == kind]

    def notes(self) -> str:
        """All notes, one a line."""
        return "\n".join(str(line["text"]) for line in self.events("note"))

    def steps(self, kind: str = "step.done") -> list[str]:
        """The names of the steps that were done (or undone, …), in order."""
        return [str(line["step"]) for line in self.events(kind)]


class Running:
    """Start ``holdfast ARGUMENTS --json``; it is not in our process group."""

    def __init__(
        self,
        place: Place,
        *arguments: str,
        directory: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self._lines: list[Line] = []
        self._said: list[str] = []
        self._process = subprocess.Popen(
            [sys.executable, "-m", "holdfast", *arguments, "--json"],
            cwd=directory,
            env={**place.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, wanted: Callable[[Line], bool]) -> Line:
        """The first line that is wanted, once it is there."""
        deadline = time.monotonic() + PATIENCE
        while True:
            ended = not self._reader.is_alive()
            found = next((line for line in list(self._lines) if wanted(line)), None)
            if found is not None:
                return found
            assert not ended, f"it ended before that: {self._lines} {self._said}"
            assert time.monotonic() < deadline, f"it did not come so far: {self._lines}"
            time.sleep(0.01)

    def wait_step(self, name: str, kind: str = "step.started") -> None:
        """Until a step has begun."""
        self.wait_for(lambda line: line.get("event") == kind and line.get("step") == name)

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """To the command itself, as ``kill`` or a terminal's Ctrl-C would."""
        self._process.send_signal(number)

    def end(self) -> Ended:
        """Wait until it ends; it is killed if it does not."""
        try:
            status = self._process.wait(PATIENCE)
            self._reader.join(10)
        finally:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()
        return Ended(status, tuple(self._lines), "".join(self._said))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._lines.append(json.loads(line))
            except ValueError:
                self._said.append(line)


def _last(line: Line, key: str) -> bool:
    return key in line and "event" not in line
