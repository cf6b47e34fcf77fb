"""The fields of a pydantic ``BaseSettings``: each is a variable of the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from holdfast.detect.facts import EnvRead, Evidence
from holdfast.detect.source import Source, text

_NAMES = ("env", "alias", "validation_alias")


def fields(source: Source, node: ast.ClassDef) -> Iterator[EnvRead]:
    """One for each field; names are matched without regard to case."""
    bases = [source.dotted(base) or "" for base in node.bases]
    if not any(base.endswith("BaseSettings") for base in bases):
        return
    prefix = _env_prefix(node)
    lenient = "pydantic_settings.BaseSettings" not in bases
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        name, annotation = item.target.id, ast.unparse(item.annotation)
        if name == "model_config" or name.startswith("_") or "ClassVar" in annotation:
            continue
        required = _without_default(item.value)
        if required and lenient and ("Optional" in annotation or "None" in annotation):
            required = False  # pydantic 1 takes None for the default of these
        called = _named(item.value) or (prefix + name).upper()
        yield EnvRead(Evidence(source.path, item.lineno), called, required, text(item.value))


def _without_default(value: ast.expr | None) -> bool:
    if value is None or (isinstance(value, ast.Constant) and value.value is ...):
        return True
    if not isinstance(value, ast.Call) or getattr(value.func, "id", "") != "Field":
        return False
    if value.args:
        first = value.args[0]
        return isinstance(first, ast.Constant) and first.value is ...
    return not any(item.arg in ("default", "default_factory") for item in value.keywords)


def _named(value: ast.expr | None) -> str | None:
    """``Field(..., env="DATABASE_URL")`` has a name of its own."""
    for item in value.keywords if isinstance(value, ast.Call) else ():
        if item.arg in _NAMES and (name := text(item.value)):
            return name.upper()
    return None


def _env_prefix(node: ast.ClassDef) -> str:
    for item in ast.walk(node):
        if isinstance(item, ast.keyword) and item.arg == "env_prefix":
            return text(item.value) or ""
        if isinstance(item, ast.Assign) and getattr(item.targets[0], "id", "") == "env_prefix":
            return text(item.value) or ""
    return ""
