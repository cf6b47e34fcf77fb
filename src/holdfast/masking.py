"""The values of variables, taken out of what programs print before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from urllib.parse import unquote, urlsplit

_SHORTEST = 4
"""Shorter values are not masked: ``1`` is in every line."""

_SHORTEST_LINE = 12
"""Shorter lines of a value that has several (a key) tell nothing; programs print it by lines."""

_PLAIN = frozenset(
    (
        *("true", "false", "none", "null", "info", "debug", "warning", "error", "critical"),
        *("production", "development", "staging", "testing", "localhost", "http", "https"),
    )
)
"""Nobody's secret, and in many lines that explain something."""


def masking(values: Iterable[str]) -> Callable[[str], str]:
    """A function that puts ``***`` for each of the values in a text.

    Of a URL that is its password, too; of several lines each. The longest go first: of one that
    begins with another nothing may be left over.
    """
    hidden = sorted({part for value in values for part in _parts(value)}, key=len, reverse=True)

    def masked(text: str) -> str:
        for value in hidden:
            text = text.replace(value, "***")
        return text

    return masked


def _parts(value: str) -> Iterator[str]:
    """What of a value may not be seen."""
    lines = value.splitlines()
    whole = (value, value.strip(), *_passwords(value))
    for part in whole:
        if len(part) >= _SHORTEST and part.lower() not in _PLAIN:
            yield part
    if len(lines) > 1:
        yield from (line.strip() for line in lines if len(line.strip()) >= _SHORTEST_LINE)


def _passwords(value: str) -> Iterator[str]:
    """The password in a URL, as it is written and as it is meant."""
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        password = None
    if password:
        yield from (password, unquote(password))
