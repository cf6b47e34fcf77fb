"""A ``holdfast.toml`` for ``holdfast init``: what was asked and nothing else, with comments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from holdfast.config.models import Config
from holdfast.config.read import from_json
from holdfast.config.wrong import bare, quoted

HEADER = "# What holdfast is told about this app; all else is detected (holdfast init shows it).\n"
_WIDEST = 96


def render(values: Mapping[str, Any], reasons: Mapping[str, str] | None = None) -> str:
    """The text of a ``holdfast.toml``.

    Args:
        values: tables as TOML has them: ``{"app": {"name": "notes"}, "env": {…}}``.
        reasons: a comment for a key: ``{"app.name": "the folder's name"}``; without one the
            key gets the line that the schema has for it.

    Raises:
        ConfigError: the values would not load.
    """
    from_json(dict(values), "holdfast.toml")
    comments = {**_abouts(), **(reasons or {})}
    order = [item.name for item in fields(Config)]
    parts = [HEADER]
    for name in sorted(values, key=order.index):
        parts.extend(_table(name, values[name], comments))
    return "\n".join(parts)


def _abouts() -> dict[str, str]:
    """What the schema says that each key is for."""
    return {
        f"{table.name}.{key.name}": key.metadata["about"]
        for table in fields(Config)
        if hasattr(table.default_factory, "__dataclass_fields__")
        for key in fields(table.default_factory)  # type: ignore[arg-type]
    }


def _table(name: str, values: Mapping[str, Any], comments: Mapping[str, str]) -> Iterator[str]:
    """``[name]`` with its plain keys, then the tables below it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    if plain:
        lines = [_line(key, value, comments.get(f"{name}.{key}")) for key, value in plain.items()]
        yield "\n".join([f"[{name}]", *lines, ""])
    for key in values:
        if key not in plain and values[key]:
            yield from _table(f"{name}.{bare(key)}", values[key], comments)


def _line(key: str, value: Any, comment: str | None) -> str:
    line = f"{bare(key)} = {_value(value)}"
    if isinstance(value, list | tuple) and len(line) > _WIDEST:
        line = f"{bare(key)} = [\n" + "".join(f"    {_value(item)},\n" for item in value) + "]"
    words = " ".join((comment or "").split())
    if not words:
        return line
    beside = f"{line}  # {words}"
    return beside if len(beside) <= _WIDEST and "\n" not in line else f"# {words}\n{line}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return repr(value)
