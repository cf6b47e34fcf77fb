"""From a document to a :class:`~holdfast.config.models.Config`, every problem found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.config.checks import contradictions, warnings
from holdfast.config.documents import FILE, Document, find, strays
from holdfast.config.models import Config
from holdfast.config.tables import read_keys, said
from holdfast.config.wrong import Problem, Rank
from holdfast.errors import ConfigError


def load(directory: Path, env_name: str | None = None) -> Config:
    """What the user says about the project in ``directory``; defaults if nothing.

    ``holdfast.toml`` or ``[tool.holdfast]`` in ``pyproject.toml``, with
    ``holdfast.ENV_NAME.toml`` laid over it.

    Raises:
        ConfigError: with every problem, one a line, the most important first.
    """
    if not directory.is_dir():
        raise ConfigError(str(directory), "there is no such directory")
    document = find(directory, env_name)
    config = _read(document)
    notes = [f"{name} is not read; {FILE} is" for name in strays(directory)]
    return replace(config, warnings=(*config.warnings, *notes, *_same_app(document, env_name)))


def to_json(config: Config) -> dict[str, Any]:
    """What was said, as plain JSON values: seconds, bytes, nothing for what was not said."""
    return said(config)


def from_json(value: object, name: str = "config") -> Config:
    """The config again, as strictly read as the file was.

    Args:
        name: what to call it in messages.

    Raises:
        ConfigError: it does not fit the schema.
    """
    if not isinstance(value, dict):
        raise ConfigError(name, "is no table")
    return _read(Document(name, value))


def _explained(problem: Problem, values: dict[str, Any]) -> Problem:
    """The problem, with what was meant if it is a key that the schema does not have."""
    if problem.rank is not Rank.UNKNOWN:
        return problem
    from holdfast.config.strange import unknown  # late: only wrong configs need it

    *table, key = problem.path
    is_table = not table and isinstance(values[key], dict)
    return problem._replace(message=unknown(".".join(table), key, is_table=is_table))


def _read(document: Document) -> Config:
    values = document.merged()
    found, problems = read_keys(Config, values)
    problems += contradictions(found, {problem.path[:2] for problem in problems})
    if problems:
        raise document.error([_explained(problem, values) for problem in problems])
    config = Config(**found)
    notes = tuple(f"{document.where(path)}: {text}" for path, text in warnings(config))
    return replace(config, files=document.files(), warnings=notes)


def _same_app(document: Document, env_name: str | None) -> list[str]:
    """An environment that would take the place of the app it was made beside."""
    over = document.overlay.values.get("app", {}) if document.overlay else {}
    if env_name in (None, "production", "prod") or "name" in over or "server" in over:
        return []
    text = "names neither another app nor another server, so it replaces the app itself"
    return [f"holdfast.{env_name}.toml: [app] name: {text}"]
