"""What makes a build slow when one dependency of many changed, by the line of its Dockerfile."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_CACHES = (
    (re.compile(r"\buv (?:pip install|sync)\b"), "/root/.cache/uv"),
    (re.compile(r"(?<!uv )\bpip3? install\b[^&;|]*(?:-r\b|--requirement\b|\s\.)"), "pip"),
    (re.compile(r"\bpoetry install\b"), "/root/.cache/pypoetry"),
    (re.compile(r"\bnpm (?:ci|install)\b(?! -g)"), "/root/.npm"),
)
"""Programs that install what a project depends on, and where each keeps what it fetched.

``pip`` is no place: what it keeps saves the fetching, and its time is unpacking and compiling
(``bin/bench build``: no faster than without; uv with its cache six times).
"""

_UV = "/root/.cache/uv"
_MOUNT = "--mount=type=cache"
_UNCACHED = re.compile(r"\s--no-cache(?:-dir)?\b")
_WHOLE = re.compile(r"(?:COPY|ADD)\s+(?:--\S+\s+)*\./?\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Slow:
    """A line to change.

    Attributes:
        line: its number, from 1.
        why: what it makes slow; ``instead`` is what would be right.
    """

    line: int
    why: str
    instead: str


def slow(text: str) -> Iterator[Slow]:
    """The lines of a Dockerfile that install everything anew where a part would do."""
    whole: int | None = None
    for number, line in _instructions(text):
        word = line.split(None, 1)[0].upper() if line.strip() else ""
        if word == "FROM":
            whole = None
        elif word in ("COPY", "ADD") and _WHOLE.match(line):
            whole = whole or number
        elif word == "RUN":
            found = next((place for program, place in _CACHES if program.search(line)), None)
            if found is None:
                continue
            yield from _of_install(number, line, found, whole)


def _of_install(number: int, line: str, cache: str, whole: int | None) -> Iterator[Slow]:
    if whole is not None:
        yield Slow(
            whole,
            f"all is copied before line {number} installs: each change of code installs anew",
            f"copy the list of dependencies alone before line {number}, the rest after it",
        )
    if cache == "pip":
        rest = re.sub(rf"{_MOUNT}\S*\s*", "", _UNCACHED.sub("", line[4:])).strip()
        quick = re.sub(r"\bpip3? install\b", "uv pip install --system", rest)
        yield Slow(
            number,
            "one changed dependency makes pip unpack and compile all of them again, cache or not",
            f"RUN {_MOUNT},target={_UV} {quick}, after RUN pip install uv"
            " (without --system where PATH leads to a virtual environment); or uv sync --locked",
        )
    elif _MOUNT not in line or _UNCACHED.search(line):
        mounted = line if _MOUNT in line else f"RUN {_MOUNT},target={cache} {line[4:].strip()}"
        yield Slow(
            number,
            "one changed dependency fetches all of them again: nothing is kept between builds",
            _UNCACHED.sub("", mounted),
        )


def _instructions(text: str) -> Iterator[tuple[int, str]]:
    """Instructions with the number of their first line; those that go on are put together."""
    begun, parts = 0, list[str]()
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("#") or (not line.strip() and not parts):
            continue
        begun = begun or number
        parts.append(line.strip().removesuffix("\\").strip())
        if not line.rstrip().endswith("\\"):
            yield begun, " ".join(parts)
            begun, parts = 0, []
    if parts:
        yield begun, " ".join(parts)
