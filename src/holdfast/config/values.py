"""Readers of plain values: each takes what TOML gave and returns it as the models have it.

A reader coerces nothing (``"3"`` is no number, ``true`` is no ``1``) and raises
:class:`~holdfast.config.wrong.Wrong` with what would have been right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

from holdfast.config.wrong import Problem, Wrong, shown, wrong, wrong_type

T = TypeVar("T")
Reader = Callable[[object], T]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def text(value: object) -> str:
    """A string that says something."""
    if isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        import shlex  # late: only wrong configs need it

        raise wrong_type(value, f"one string is meant: {shown(shlex.join(value))}")
    if not isinstance(value, str):
        raise wrong_type(value, "a string in quotes is meant")
    if not value.strip():
        raise wrong("is empty; leave the key out if there is nothing to say")
    if _CONTROL.search(value):
        raise wrong(f"{shown(value)} has a control character in it; take it out")
    return value.strip()


def flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        raise wrong_type(value, f"write {value.lower()} without quotes")
    raise wrong_type(value, "true or false is meant")


def count(least: int, most: int) -> Reader[int]:
    """A whole number from ``least`` to ``most``."""

    def read(value: object) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
            raise wrong_type(value, f"write {value} without quotes")
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong_type(value, "a whole number is meant")
        if not least <= value <= most:
            raise wrong(f"{value} is out of range; {least} to {most} is possible")
        return value

    return read


def choice(*names: str) -> Reader[Any]:
    """One of ``names``."""
    either = "one of " + ", ".join(map(shown, names)) + " is meant"

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise wrong_type(value, either)
        if value in names:
            return value
        from holdfast.config.words import instead  # late: only wrong configs need it

        raise wrong(f"{shown(value)} {instead(value, names) or f'is not known; {either}'}")

    return read


def list_of(read_item: Reader[T], example: str) -> Reader[tuple[T, ...]]:
    """A list; ``example`` is one as TOML writes it."""

    def read(value: object) -> tuple[T, ...]:
        if isinstance(value, str):
            raise wrong_type(value, f"a list is meant: [{shown(value)}]")
        if not isinstance(value, list):
            raise wrong_type(value, f"a list is meant: {example}")
        items: list[T] = []
        problems: list[Problem] = []
        for item in value:
            try:
                items.append(read_item(item))
            except Wrong as error:
                problems.extend(error)
        if problems:
            raise Wrong(problems)
        _refuse_doubles(items)
        return tuple(items)

    return read


def _refuse_doubles(items: list[Any]) -> None:
    for index, item in enumerate(items):
        if item in items[:index]:
            raise wrong(f"{shown(item)} is there twice; once is enough")
