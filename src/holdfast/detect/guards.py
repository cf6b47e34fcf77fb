"""Parts of a module that run only when a variable is there, or can do without it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from holdfast.detect.source import Source, is_main_guard

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


def _guarded(source: Source, node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If):
        if is_main_guard(node) or _asks(source, node.test):
            yield from (*node.body, *node.orelse)
    elif isinstance(node, ast.IfExp):
        if _asks(source, node.test):
            yield from (node.body, node.orelse)
    elif isinstance(node, ast.Try) and any(map(_catches, node.handlers)):
        yield from node.body


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
