"""What is wrong with a value, and how a value is shown to the person who wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

_URL_PASSWORD = re.compile(r"(://[^/\s:@]*):[^@\s/]*@")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+\Z")
_LONGEST_SHOWN = 60


class Rank(IntEnum):
    """How much a problem explains; the lowest is told first."""

    UNKNOWN = 1
    TYPE = 2
    VALUE = 3
    CONTRADICTION = 4


class Problem(NamedTuple):
    """One thing that is wrong; ``path`` leads to it from where it was found."""

    rank: Rank
    message: str
    path: tuple[str, ...] = ()

    def under(self, key: str) -> Problem:
        return self._replace(path=(key, *self.path))


class Wrong(Exception):
    """Raised by a reader: a value is not what was meant."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        super().__init__()
        self.problems = tuple(problems)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.problems)


def wrong(message: str) -> Wrong:
    """The value is of the right type and still wrong."""
    return Wrong([Problem(Rank.VALUE, message)])


def wrong_type(value: object, meant: str) -> Wrong:
    """The value is of the wrong type; ``meant`` says what would be right."""
    return Wrong([Problem(Rank.TYPE, f"{shown(value)} is {kind(value)}; {meant}")])


def shown(value: object) -> str:
    """The value as TOML writes it, short, the password of a URL masked."""
    if isinstance(value, str):
        text = quoted(_URL_PASSWORD.sub(r"\1:***@", value))
    elif isinstance(value, bool | None):
        text = {True: "true", False: "false", None: "null"}[value]
    elif isinstance(value, list):
        text = "[" + ", ".join(map(shown, value)) + "]"
    elif isinstance(value, dict):
        inner = ", ".join(f"{bare(str(key))} = {shown(item)}" for key, item in value.items())
        text = "{" + inner + "}"
    else:
        text = str(value)
    if len(text) > _LONGEST_SHOWN:
        text = text[: _LONGEST_SHOWN - 2] + (' …"' if isinstance(value, str) else " …")
    return text


def kind(value: object) -> str:
    """The type of a TOML value, in words."""
    words = {
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
        type(None): "nothing",
    }
    return words.get(type(value), "a date or time")


def bare(key: str) -> str:
    """A key as TOML writes it, quoted where it must be."""
    return key if _BARE_KEY.match(key) else quoted(key)


def quoted(text: str) -> str:
    """A basic string of TOML; what JSON escapes, TOML escapes alike."""
    import json  # late: few configs need it

    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
