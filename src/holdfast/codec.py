"""Frozen models to JSON and back, strict: an unknown or ill-typed key is an error.

Ours and not cattrs', which did this before: importing it and making its hooks took 65 ms,
and every deploy pays that in the command and again in its engine. What our models are made
of fits on a page: dataclasses, enums, literals, unions, tuples, mappings and plain values.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union

T = TypeVar("T")


class CodecError(ValueError):
    """Values that do not fit a model; the message starts with their path."""


def to_json(value: Any) -> Any:
    """A model as plain JSON values (dict, list, str, number, bool, None)."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    return value


def from_json(value: Any, model: type[T]) -> T:
    """The model that plain JSON values describe; what has a default may be left out.

    Raises:
        CodecError: the values do not fit the model.
    """
    result: T = _read(value, model, model.__name__)
    return result


def _read(value: Any, kind: Any, path: str) -> Any:
    if kind is Any:
        return value
    origin = typing.get_origin(kind)
    reader = _BY_ORIGIN.get(origin)
    if reader is not None:
        return reader(value, typing.get_args(kind), path)
    if is_dataclass(kind):
        return _dataclass(value, kind, path)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _enum(value, kind, path)
    # JSON has one kind of number: 60 is a float too. True is no number.
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise CodecError(f"{path}: {value!r} is no {kind.__name__}")
    return value


def _dataclass(value: Any, kind: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise CodecError(f"{path}: {value!r} is no object")
    hints = _hints(kind)
    if unknown := value.keys() - hints.keys():
        raise CodecError(f"{path}: unknown key {min(unknown)!r}")
    for field in fields(kind):
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name not in value:
            raise CodecError(f"{path}: {field.name!r} is missing")
    read = {name: _read(item, hints[name], f"{path}.{name}") for name, item in value.items()}
    return kind(**read)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _enum(value: Any, kind: type[Enum], path: str) -> Any:
    try:
        return kind(value)
    except ValueError as error:
        raise CodecError(f"{path}: {error}") from None


def _union(value: Any, arguments: tuple[Any, ...], path: str) -> Any:
    problems = []
    for argument in arguments:
        if argument is type(None):
            if value is None:
                return None
            continue
        try:
            return _read(value, argument, path)
        except CodecError as error:
            problems.append(error)
    raise problems[0]


def _literal(value: Any, arguments: tuple[Any, ...], path: str) -> Any:
    if value not in arguments:
        raise CodecError(f"{path}: {value!r} is none of {', '.join(map(repr, arguments))}")
    return value


def _tuple(value: Any, arguments: tuple[Any, ...], path: str) -> Any:
    if not isinstance(value, list):
        raise CodecError(f"{path}: {value!r} is no list")
    return tuple(_read(item, arguments[0], f"{path}[{index}]") for index, item in enumerate(value))


def _mapping(value: Any, arguments: tuple[Any, ...], path: str) -> Any:
    if not isinstance(value, dict):
        raise CodecError(f"{path}: {value!r} is no object")
    return {name: _read(item, arguments[1], f"{path}.{name}") for name, item in value.items()}


_BY_ORIGIN: Mapping[Any, Callable[[Any, tuple[Any, ...], str], Any]] = {
    Union: _union,
    types.UnionType: _union,
    Literal: _literal,
    tuple: _tuple,
    dict: _mapping,
    Mapping: _mapping,
}
