"""The fields of a pydantic ``BaseSettings``: each is a variable of the environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace

from holdfast.detect.facts import EnvRead, Evidence
from holdfast.detect.source import Source, text
from holdfast.detect.tree import Tree
from holdfast.records import record

_NAMES = ("env", "alias", "validation_alias")
_FIRST = "BaseSettings"


@record
class Kind:
    """What a class of settings hands on to those that derive from it.

    Attributes:
        prefix: of all its variables; ``joint``: between the names of a model and of its fields.
        lenient: pydantic 1 takes None for the default of what may be None.
        above: the class it derives from; ``used``: somebody makes one of it, or of one below it.
    """

    prefix: str = ""
    joint: str = ""
    lenient: bool = True
    above: str = ""
    used: bool = True


def kinds(tree: Tree) -> Mapping[str, Kind]:
    """Every class of settings by its name: pydantic's own, and the project's that derive."""
    found = {_FIRST: Kind()}
    seen = 0
    while len(found) > seen:
        seen = len(found)
        for source in tree.mentioning(*(name.encode() for name in found)):
            for node in source.nodes:
                if isinstance(node, ast.ClassDef) and node.name not in found:
                    if (base := _base(source, node, found)) is not None:
                        found[node.name] = base
    used = _used(tree, found)
    return {name: replace(kind, used=name in used) for name, kind in found.items()}


def _used(tree: Tree, found: Mapping[str, Kind]) -> set[str]:
    """Those that are made somewhere, and those above them; one of pydantic's own kind is."""
    used = {name for name, kind in found.items() if kind.above in ("", _FIRST)}
    for source in tree.mentioning(*(name.encode() for name in found)):
        for _, called in source.calls():
            name = called.rpartition(".")[2]
            while name in found and name not in used:
                used.add(name)
                name = found[name].above
    return used


def _base(source: Source, node: ast.ClassDef, known: Mapping[str, Kind]) -> Kind | None:
    """Of which kind a class is, as far as its bases and itself say."""
    for item in node.bases:
        name = source.dotted(item) or ""
        kind = known.get(name.rpartition(".")[2])
        if kind is not None:
            lenient = kind.lenient and name != "pydantic_settings.BaseSettings"
            prefix, joint = _said(node, "env_prefix"), _said(node, "env_nested_delimiter")
            return Kind(
                kind.prefix if prefix is None else prefix,
                kind.joint if joint is None else joint,
                lenient,
                above=name.rpartition(".")[2],
            )
    return None


def fields(source: Source, node: ast.ClassDef, known: Mapping[str, Kind]) -> Iterator[EnvRead]:
    """One for each field; names are matched without regard to case."""
    kind = _base(source, node, known)
    if kind is None:
        return
    used = known[node.name].used
    models = {item.name: item for item in source.nodes if isinstance(item, ast.ClassDef)}
    for read, annotation in _declared(source, node, kind):
        model = models.get(annotation)
        if model is not None and kind.joint and _base(source, model, known) is None:
            found = [*_nested(source, model, kind, read)]
        else:
            found = [read]
        yield from (replace(item, required=item.required and used) for item in found)


def _nested(source: Source, model: ast.ClassDef, kind: Kind, whole: EnvRead) -> Iterator[EnvRead]:
    """``DB__HOST`` for the field ``host`` of the model that ``db`` is."""
    inside = replace(kind, prefix=f"{whole.name}{kind.joint}")
    for read, _ in _declared(source, model, inside):
        yield replace(read, required=read.required and whole.required)


def _declared(source: Source, node: ast.ClassDef, kind: Kind) -> Iterator[tuple[EnvRead, str]]:
    """The variable of each field of a class, and how the field is annotated."""
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        name, annotation = item.target.id, ast.unparse(item.annotation)
        if name == "model_config" or name.startswith("_") or "ClassVar" in annotation:
            continue
        required = _without_default(item.value)
        if required and kind.lenient and ("Optional" in annotation or "None" in annotation):
            required = False
        called = _named(item.value) or (kind.prefix + name).upper()
        evidence = Evidence(source.path, item.lineno)
        yield EnvRead(evidence, called, required, text(item.value)), annotation


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
        given = item.value
        if isinstance(given, ast.Call) and given.args:  # AliasChoices("A", "B"): the first
            given = given.args[0]
        if item.arg in _NAMES and (name := text(given)):
            return name.upper()
    return None


def _said(node: ast.ClassDef, option: str) -> str | None:
    """An option of the class's configuration, in either form; ``None`` where it has none."""
    for item in ast.walk(node):
        if isinstance(item, ast.keyword) and item.arg == option:
            return text(item.value) or ""
        if isinstance(item, ast.Assign) and getattr(item.targets[0], "id", "") == option:
            return text(item.value) or ""
    return None
