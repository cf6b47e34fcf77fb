"""Objects and factories that a server could call, found in the syntax trees.

Shared by the recognisers of frameworks: each says which classes make its app.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping

from holdfast.detect.facts import AppObject, Confidence, Evidence, Framework, Interface
from holdfast.detect.source import Function, Source, required_arguments
from holdfast.detect.tree import Tree
from holdfast.records import record


@record
class Kind:
    framework: Framework
    interface: Interface


Classes = Mapping[str, Kind]
"""What is called to make an app (``flask.Flask``), and what comes of it."""


def find_objects(tree: Tree, classes: Classes, *words: bytes) -> Iterator[AppObject]:
    """Every module-level app and every factory of one.

    Args:
        words: bytes of which a file must hold one to be parsed.
    """
    factories: dict[str, Kind] = {}
    derived = _derived(tree, classes, words)
    for source in tree.mentioning(*words, *(name.encode() for name in derived)):
        known = {**_starred(source, classes), **_imported(source, derived)}
        makers = dict(known)  # and what is made of them: get_app() may call create_app(store)
        for function in source.functions:
            made = _made_by_function(source, function, makers)
            kind = made or _annotated(source, function, known)
            if kind is not None:
                factories[function.name] = makers[function.name] = kind
                yield _factory(source, function, kind)
        yield from _instances(source, known)
    if factories:
        names = [name.encode() for name in factories]
        for source in tree.mentioning(*names):
            yield from _from_factories(source, factories)


def _derived(tree: Tree, classes: Classes, words: tuple[bytes, ...]) -> dict[str, Kind]:
    """Classes of the project's own that derive from a known one, by their name."""
    found: dict[str, Kind] = {}
    for source in tree.mentioning(*words):
        for node in source.nodes:
            if isinstance(node, ast.ClassDef):
                for base in node.bases:
                    kind = _starred(source, classes).get(source.dotted(base) or "")
                    if kind is not None:
                        found[node.name] = kind
    return found


def _starred(source: Source, classes: Classes) -> dict[str, Kind]:
    """The classes, also by their bare names where all of their module is imported."""
    bare = (
        {}
        if not source.stars
        else {
            name.rpartition(".")[2]: kind
            for name, kind in classes.items()
            if name.rpartition(".")[0] in source.stars
        }
    )
    return {**classes, **bare}


def _imported(source: Source, derived: Mapping[str, Kind]) -> dict[str, Kind]:
    """The project's own classes under the names that a file has for them."""
    names = dict(derived)
    for origin in source.imports.values():
        kind = derived.get(origin.rpartition(".")[2])
        if kind is not None:
            names[origin] = kind
    return names


def _annotated(source: Source, function: Function, classes: Classes) -> Kind | None:
    """``def create_app() -> Flask``, however it makes it."""
    name = source.dotted(function.returns) if function.returns else None
    is_view = any(isinstance(item, ast.Call) for item in function.decorator_list)
    return classes.get(name or "") if not is_view else None


def _instances(source: Source, classes: Classes) -> Iterator[AppObject]:
    for name, value, line in source.assignments:
        made_by = source.called(value)
        if made_by is not None and made_by in classes:
            yield _object(source, name, line, classes[made_by], made_by)
    for name, part, call, line in source.unpacked:
        made_by = source.called(call) or ""
        if made_by in classes and part == 0:
            yield _object(source, name, line, classes[made_by], made_by)


def _object(source: Source, name: str, line: int, kind: Kind, made_by: str) -> AppObject:
    return AppObject(
        Evidence(source.path, line), kind.framework, kind.interface, name, made_by=made_by
    )


def _from_factories(source: Source, factories: Mapping[str, Kind]) -> Iterator[AppObject]:
    """``app = create_app()`` on import, the factory being of this file or another."""
    for name, value, line in source.assignments:
        made_by = source.called(value)
        last = (made_by or "").rpartition(".")[2]
        if last in factories and made_by is not None:
            yield _object(source, name, line, factories[last], f"{last}()")


def _factory(source: Source, function: Function, kind: Kind) -> AppObject:
    return AppObject(
        Evidence(source.path, function.lineno),
        kind.framework,
        kind.interface,
        function.name,
        factory=True,
        needs=tuple(required_arguments(function)),
        made_by=function.name,
        confidence=Confidence.SURE if function.name in FACTORY_NAMES else Confidence.LIKELY,
    )


FACTORY_NAMES = frozenset({"create_app", "make_app"})
"""Flask's own command looks for these two (``flask.cli.find_best_app``)."""


def _made_by_function(source: Source, function: Function, classes: Classes) -> Kind | None:
    """What a function returns, if it returns an app that it has made."""
    made: dict[str, Kind] = {}
    returned: Kind | None = None
    for node in _own_nodes(function):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            name = source.called(node.value) or ""
            if name in classes:
                made.update(dict.fromkeys(_targets(node), classes[name]))
        elif isinstance(node, ast.Return):
            name = source.called(node.value) or ""
            if name in classes:
                returned = classes[name]
            elif isinstance(node.value, ast.Name) and node.value.id in made:
                returned = made[node.value.id]
    return returned


def _targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _own_nodes(function: Function) -> Iterable[ast.AST]:
    """The nodes of a function in order, without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            waiting[:0] = list(ast.iter_child_nodes(node))
