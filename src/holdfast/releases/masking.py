"""The values of secrets, taken out of whatever a build prints before anybody sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

_SHORTEST = 4
"""Shorter values are not masked: ``1`` is in every line."""


def masking(values: Iterable[str]) -> Callable[[str], str]:
    """A function that puts ``***`` for each of the values in a text.

    The longest go first: of one that begins with another nothing may be left over.
    """
    hidden = sorted({value for value in values if len(value) >= _SHORTEST}, key=len, reverse=True)

    def masked(text: str) -> str:
        for value in hidden:
            text = text.replace(value, "***")
        return text

    return masked
