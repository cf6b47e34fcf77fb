"""Frozen models to JSON and back (cattrs), strict: an unknown or ill-typed key is an error."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _converter() -> Any:
    from cattrs.preconf.json import make_converter

    return make_converter(forbid_extra_keys=True)


def to_json(value: Any) -> Any:
    """A model as plain JSON values (dict, list, str, number, bool, None)."""
    return _converter().unstructure(value)


def from_json(value: Any, model: type[T]) -> T:
    """The model that plain JSON values describe.

    Raises:
        cattrs.errors.BaseValidationError: the values do not fit the model.
    """
    result: T = _converter().structure(value, model)
    return result
