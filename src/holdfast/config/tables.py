"""Readers of tables: each key by the reader that the model gives it, all problems found."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal, TypeVar

from holdfast.config.names import distribution_package, process_name
from holdfast.config.values import Reader, list_of, text
from holdfast.config.wrong import Problem, Rank, Wrong, wrong_type

M = TypeVar("M")


def readers(model: type[Any]) -> dict[str, Reader[Any]]:
    """The keys of a model and what reads them."""
    return {item.name: item.metadata["read"] for item in fields(model) if "read" in item.metadata}


def table(model: type[M], name: str) -> Reader[M]:
    """Reads a table into ``model``; ``name`` is the table's (``""`` for the whole file)."""

    def read(value: object) -> M:
        if not isinstance(value, dict):
            raise _no_table(value, name)
        found, problems = read_keys(model, value)
        if problems:
            raise Wrong(problems)
        return model(**found)

    return read


def read_keys(model: type[Any], values: dict[str, object]) -> tuple[dict[str, Any], list[Problem]]:
    """What could be read, and what is wrong with the rest.

    Of a key that the model does not have it is only said that it is unknown: what was meant
    takes the whole schema to say (:mod:`holdfast.config.strange`).
    """
    known = readers(model)
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in values.items():
        if key not in known:
            problems.append(Problem(Rank.UNKNOWN, "there is no such key", (key,)))
            continue
        try:
            found[key] = known[key](value)
        except Wrong as error:
            problems.extend(problem.under(key) for problem in error)
    return found, problems


def _no_table(value: object, name: str) -> Wrong:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return Wrong([Problem(Rank.TYPE, f"is a list of tables; write [{name}], not [[{name}]]")])
    return wrong_type(value, f"[{name}] is a table")


def named_tables(model: type[M]) -> Reader[dict[str, M]]:
    """Reads ``[processes]``: names of the user's own, each a command or a table."""

    def read(value: object) -> dict[str, M]:
        if not isinstance(value, dict):
            raise wrong_type(value, 'a table is meant: worker = "celery -A notes worker"')
        found: dict[str, M] = {}
        problems: list[Problem] = []
        for name, item in value.items():
            try:
                process_name(name)
                found[name] = _one(model, name, item)
            except Wrong as error:
                problems.extend(problem.under(name) for problem in error)
        if problems:
            raise Wrong(problems)
        return found

    return read


def _one(model: type[M], name: str, value: object) -> M:
    if not isinstance(value, dict):
        found: M = model(command=text(value))  # type: ignore[call-arg]
        return found
    found = table(model, f"processes.{name}")(value)
    if "command" not in value:
        raise Wrong([Problem(Rank.VALUE, 'has no command; write command = "…"')])
    return found


def command_or_false(value: object) -> str | Literal[False]:
    """A shell command, or ``false`` for none."""
    if value is False:
        return False
    if isinstance(value, bool):
        raise wrong_type(value, "a command in quotes, or false for none, is meant")
    return text(value)


def flag_or_packages(value: object) -> bool | tuple[str, ...]:
    """``true``, ``false``, or the packages of the distribution that are wanted besides."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, list):
        raise wrong_type(value, 'true, false or a list is meant: ["ffmpeg"]')
    return list_of(distribution_package, '["ffmpeg"]')(value)


def said(model: Any) -> dict[str, Any]:
    """A model as plain JSON values, less what was not said."""
    found: dict[str, Any] = {}
    for name in readers(type(model)):
        value = plain(getattr(model, name))
        if value is not None and value != {}:
            found[name] = value
    return found


def plain(value: Any) -> Any:
    """One value as JSON has it: tuples are lists, models are tables."""
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return said(value) if hasattr(value, "__dataclass_fields__") else value
