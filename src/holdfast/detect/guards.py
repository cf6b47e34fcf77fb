"""Parts of a module that run only when a variable is there, or can do without it.

``if "IN_CLOUD" in os.environ: ... else: ...``: where nobody has set ``IN_CLOUD`` the second part
runs, and what is read there is asked for.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from holdfast.detect import reading
from holdfast.detect.source import Source, argument, is_main_guard, text

_CAUGHT = ("KeyError", "Exception", "BaseException", "LookupError", "UndefinedValueError",
           "ImproperlyConfigured", "EnvError")  # fmt: skip


def spared(source: Source) -> frozenset[int]:
    """The ``id`` of every node whose variable is not asked for unconditionally.

    ``if "X" in os.environ: ... os.environ["X"]``, ``try: ... except KeyError``, and what
    stands under ``if __name__ == "__main__"``.
    """
    found: set[int] = set()
    for node in source.nodes:
        for part in _guarded(source, node):
            found.update(map(id, ast.walk(part)))
    return frozenset(found)


def unless(source: Source) -> dict[int, frozenset[str]]:
    """Of nodes that run where a variable is missing, by their ``id``: the names of those."""
    found: dict[int, frozenset[str]] = {}
    for node in source.nodes:
        if isinstance(node, ast.If | ast.IfExp) and _asks(source, node.test):
            names = frozenset(_names(source, node.test))
            for part in _taken(source, node):
                for item in ast.walk(part):
                    found[id(item)] = found.get(id(item), frozenset()) | names
    return found


def _names(source: Source, test: ast.expr) -> Iterator[str]:
    """The variables that a condition looks for."""
    for node in ast.walk(test):
        if isinstance(node, ast.Compare) and source.dotted(node.comparators[0]) == "os.environ":
            yield text(node.left) or ""
        elif isinstance(node, ast.Call):
            yield text(argument(node, 0, "key")) or ""


def _guarded(source: Source, node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If | ast.IfExp):
        if isinstance(node, ast.If) and is_main_guard(node):
            yield from (*node.body, *node.orelse)
        elif _asks(source, node.test):
            taken = list(map(id, _taken(source, node)))
            yield from (item for item in _parts(node) if id(item) not in taken)
    elif isinstance(node, ast.Try) and any(map(_catches, node.handlers)):
        yield from node.body


def _parts(node: ast.If | ast.IfExp) -> list[ast.AST]:
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    return [*node.body, *node.orelse]


def _taken(source: Source, node: ast.If | ast.IfExp) -> list[ast.AST]:
    """What runs where no variable is set; nothing where that is not known."""
    holds = reading.of(source, node.test)
    if holds is None:
        return []
    if isinstance(node, ast.IfExp):
        return [node.body if holds else node.orelse]
    return [*(node.body if holds else node.orelse)]


def _asks(source: Source, test: ast.expr) -> bool:
    """Whether a condition looks into the environment."""
    return any(
        source.dotted(item) in ("os.environ", "os.getenv")
        for item in ast.walk(test)
        if isinstance(item, ast.Attribute | ast.Name)
    )


def _catches(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (getattr(kind, "id", None) or getattr(kind, "attr", "")) in _CAUGHT
        for kind in kinds
    )
