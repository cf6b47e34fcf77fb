"""A part of a benchmark's cases, and those that were played before.

A benchmark of many cases whose ``run`` takes ``parts`` can be played in several goes: by the
names of cases, for a time, and on from where another go has ended. What was played is appended
to a file at once, a line of JSON each, so a go that is killed loses the case it was at.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.harness import BenchError


@dataclass(frozen=True, slots=True)
class Parts:
    """Which cases are to be played.

    Attributes:
        only: a regular expression that is looked for in a case's name.
        minutes: after so many no further case is begun.
        resume: the file of what was played; its cases count and are not played again. The last
            line of a case holds.
    """

    only: re.Pattern[str] | None = None
    minutes: float | None = None
    resume: Path | None = None
    _began: float = field(default_factory=time.monotonic)

    def wants(self, name: str) -> bool:
        """Whether the case is one of those asked for."""
        return self.only is None or self.only.search(name) is not None

    def time_is_over(self) -> bool:
        return self.minutes is not None and time.monotonic() > self._began + 60 * self.minutes

    def played(self) -> dict[str, Mapping[str, Any]]:
        """What the file holds, by the names of cases; nothing where there is no file yet.

        Raises:
            BenchError: it cannot be read, or a line is none of ours.
        """
        if self.resume is None or not self.resume.exists():
            return {}
        try:
            lines = self.resume.read_text().splitlines()
        except OSError as error:
            raise BenchError(f"{self.resume}: {error.strerror}") from error
        found = {}
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                found[str(entry["case"])] = entry
            except (ValueError, KeyError, TypeError) as error:
                raise BenchError(f"{self.resume}, line {number}: not what a case left") from error
        return found

    def keep(self, name: str, outcome: Mapping[str, Any]) -> None:
        """Append a case that was played."""
        if self.resume is not None:
            with self.resume.open("a") as file:
                file.write(json.dumps({"case": name, **outcome}) + "\n")
