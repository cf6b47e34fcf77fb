"""Variables that the code asks for in a way of its own, and ends where one is missing.

``if not os.getenv("TOKEN"): raise ...``, a list of names that a loop looks through, and a function
of the project's own, ``get_env("TOKEN")``, that raises for what is not there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from holdfast.config import Config
from holdfast.detect import guards
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import EnvRead, Evidence, Fact
from holdfast.detect.source import Function, Source, text
from holdfast.detect.tree import Tree

_READS = ("os.getenv", "os.environ.get")
_ENDS = ("sys.exit", "exit", "quit", "os._exit")


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    sources = [item for item in tree.mentioning(b"environ", b"getenv") if not _aside(item)]
    for source in sources:
        spared = guards.spared(source)
        running = [item for item in _on_import(source) if id(item) not in spared]
        for name, line in _checked(source, running):
            yield EnvRead(Evidence(source.path, line), name, required=True)
    helpers = {item.name for source in sources for item in source.functions if _asks(source, item)}
    for source in tree.mentioning(*(f"{name}(".encode() for name in helpers)) if helpers else ():
        for call, name in source.calls() if not _aside(source) else ():
            if name.rpartition(".")[2] in helpers and len(call.args) == 1 and not call.keywords:
                if wanted := text(call.args[0]):
                    yield EnvRead(Evidence(source.path, call.lineno), wanted, required=True)


def _aside(source: Source) -> bool:
    return is_for_tests(source.path)


def _on_import(source: Source) -> Iterator[ast.stmt]:
    """What runs on import, and what the file's functions do that are called then."""
    called = set[str]()
    for node in source.statements:
        yield node
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called.add(source.dotted(node.value.func) or "")
    for function in source.functions:
        if function.name in called:
            yield from function.body


def _checked(source: Source, statements: Iterable[ast.stmt]) -> Iterator[tuple[str, int]]:
    """The variables without which one of the statements ends the app."""
    for node in statements:
        if isinstance(node, ast.If) and _raises(node.body):
            yield from _absent(source, node.test)
        elif isinstance(node, ast.Assert):
            inner = node.test
            if isinstance(inner, ast.Compare) and isinstance(inner.ops[0], ast.IsNot):
                inner = inner.left
            yield from _read(source, inner)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            ends = any(isinstance(item, ast.If) and _raises(item.body) for item in node.body)
            if ends and _asks_for(source, node.body, node.target.id):
                yield from _listed(source, node.iter)


def _raises(body: Iterable[ast.stmt]) -> bool:
    return any(
        isinstance(node, ast.Raise) or (isinstance(node, ast.Expr) and _called(node.value) in _ENDS)
        for node in body
    )


def _called(node: ast.expr) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _absent(source: Source, test: ast.expr) -> Iterator[tuple[str, int]]:
    """What is not there where a condition holds: ``not a or b is None``, ``not all([a, b])``."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        for item in test.values:
            yield from _absent(source, item)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = test.operand
        if source.called(inner) == "all" and isinstance(inner, ast.Call) and inner.args:
            for item in getattr(inner.args[0], "elts", ()):
                yield from _read(source, item)
        else:
            yield from _read(source, inner)
    elif isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is):
        yield from _read(source, test.left)
    elif isinstance(test, ast.Name):
        yield from _missing(source, test.id)


def _missing(source: Source, name: str) -> Iterator[tuple[str, int]]:
    """``missing = [name for name in REQUIRED if not os.getenv(name)]``."""
    for _, value in source.given.get(name, ()):
        if isinstance(value, ast.ListComp) and isinstance(value.elt, ast.Name):
            one = value.generators[0]
            if _asks_for(source, one.ifs, value.elt.id):
                yield from _listed(source, one.iter)


def _asks_for(source: Source, nodes: Iterable[ast.AST], name: str) -> bool:
    """Whether the variable that a name of the code stands for is looked up there."""
    return any(
        _looked_up(source, item, name) is not None for node in nodes for item in ast.walk(node)
    )


def _looked_up(source: Source, node: ast.AST, name: str) -> ast.AST | None:
    if isinstance(node, ast.Subscript) and source.dotted(node.value) == "os.environ":
        return node if getattr(node.slice, "id", "") == name else None
    if isinstance(node, ast.Compare) and source.dotted(node.comparators[0]) == "os.environ":
        return node if getattr(node.left, "id", "") == name else None
    if source.called(node) in _READS and isinstance(node, ast.Call) and len(node.args) == 1:
        return node if getattr(node.args[0], "id", "") == name else None
    return None


def _listed(source: Source, node: ast.expr) -> Iterator[tuple[str, int]]:
    """The strings of a list, also of one that has a name."""
    if isinstance(node, ast.Name):
        for _, value in source.given.get(node.id, ()):
            yield from _listed(source, value) if not isinstance(value, ast.Name) else ()
    for item in getattr(node, "elts", ()):
        if (said := text(item)) and said.isidentifier():
            yield said, item.lineno


def _read(source: Source, node: ast.expr) -> Iterator[tuple[str, int]]:
    """The variable that an expression is read from, without a default."""
    values = [node]
    if isinstance(node, ast.Name):
        values = [value for _, value in source.given.get(node.id, ())]
    for value in values:
        if source.called(value) in _READS and isinstance(value, ast.Call) and len(value.args) == 1:
            if (name := text(value.args[0])) and len(values) == 1:
                yield name, value.lineno


def _asks(source: Source, function: Function) -> bool:
    """Whether a function gives the variable that its argument names, and ends without it."""
    arguments = function.args.args
    if len(arguments) != 1 or function.args.kwonlyargs:
        return False
    name = arguments[0].arg
    nodes = [*ast.walk(function)]
    looks = [node for node in nodes if _looked_up(source, node, name) is not None]
    caught = any(isinstance(node, ast.Try) for node in nodes)
    bare = any(isinstance(node, ast.Subscript) for node in looks) and not caught
    return bool(looks) and (bare or any(isinstance(node, ast.Raise) for node in nodes))
