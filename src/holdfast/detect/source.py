"""One parsed Python file, and the questions that recognisers ask of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cached_property

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source:
    """A Python file: its path and its syntax tree."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = path
        self.tree = tree

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        """Every node of the file, breadth first; walked once, asked often.

        Twice as fast as ``ast.walk``, and without the nodes that only say load or store.
        """
        nodes: list[ast.AST] = [self.tree]
        for node in nodes:
            for name in node._fields:
                value = getattr(node, name, None)
                if isinstance(value, list):
                    nodes += [item for item in value if isinstance(item, ast.AST)]
                elif isinstance(value, ast.AST) and name != "ctx":
                    nodes.append(value)
        return tuple(nodes)

    @cached_property
    def imports(self) -> dict[str, str]:
        """Local names and what they stand for: ``Flask`` is ``flask.Flask``.

        A relative import keeps its dots: ``from .db import db`` gives ``.db.db``.
        """
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for item in node.names:
                    top = item.name.partition(".")[0]
                    names[item.asname or top] = item.name if item.asname else top
            elif isinstance(node, ast.ImportFrom):
                origin = "." * node.level + (node.module or "")
                joint = "" if origin.endswith(".") or not origin else "."
                for item in node.names:
                    names[item.asname or item.name] = f"{origin}{joint}{item.name}"
        return names

    @cached_property
    def imported_modules(self) -> tuple[str, ...]:
        """Modules imported absolutely, in order: ``flask``, ``notes.db``."""
        modules: list[str] = []
        for node in self.nodes:
            if isinstance(node, ast.Import):
                modules += [item.name for item in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                modules.append(node.module)
        return tuple(dict.fromkeys(modules))

    @cached_property
    def given(self) -> dict[str, list[tuple[tuple[ast.expr, bool] | None, ast.expr]]]:
        """Values given to names, in order, each with the condition it stands under, if any."""
        under = {
            id(item): (node.test, branch == "body")
            for node in self.nodes
            if isinstance(node, ast.If)
            for branch in ("body", "orelse")
            for item in getattr(node, branch)
        }
        found: dict[str, list[tuple[tuple[ast.expr, bool] | None, ast.expr]]] = {}
        for node in self.nodes:
            for target in node.targets if isinstance(node, ast.Assign) else ():
                if isinstance(target, ast.Name) and isinstance(node, ast.Assign):
                    found.setdefault(target.id, []).append((under.get(id(node)), node.value))
        return found

    @cached_property
    def stars(self) -> frozenset[str]:
        """Modules of which everything is imported: ``from flask import *``."""
        return frozenset(
            node.module
            for node in self.nodes
            if isinstance(node, ast.ImportFrom) and node.module and not node.level
            if any(item.name == "*" for item in node.names)
        )

    @cached_property
    def imports_relatively(self) -> int:
        """The most dots of a relative import: how many packages the file lies in."""
        levels = [node.level for node in self.nodes if isinstance(node, ast.ImportFrom)]
        return max(levels, default=0)

    def dotted(self, node: ast.AST | None) -> str | None:
        """What an expression names, imports followed: ``flask.Flask``; else ``None``."""
        if isinstance(node, ast.Name):
            return self.imports.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else None
        return None

    def called(self, node: ast.AST | None) -> str | None:
        """What a call calls; ``None`` for everything that is no call."""
        return self.dotted(node.func) if isinstance(node, ast.Call) else None

    def calls(self) -> Iterator[tuple[ast.Call, str]]:
        """Every call in the file with the name of what it calls."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                name = self.dotted(node.func)
                if name is not None:
                    yield node, name

    @cached_property
    def statements(self) -> tuple[ast.stmt, ...]:
        """What runs on import: the top level, and what its if, try and with hold.

        The body of ``if __name__ == "__main__"`` does not, so it is left out.
        """
        return tuple(_top_level(self.tree.body))

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """The functions of the module's top level."""
        return tuple(
            node
            for node in self.statements
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )

    @cached_property
    def assignments(self) -> tuple[tuple[str, ast.expr, int], ...]:
        """Names given a value on import: name, value, line."""
        found: list[tuple[str, ast.expr, int]] = []
        for node in self.statements:
            if isinstance(node, ast.Assign):
                found += [
                    (target.id, node.value, node.lineno)
                    for target in node.targets
                    if isinstance(target, ast.Name)
                ]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                if node.value is not None:
                    found.append((node.target.id, node.value, node.lineno))
        return tuple(found)

    @cached_property
    def unpacked(self) -> tuple[tuple[str, int, ast.Call, int], ...]:
        """Names given a part of what a call returns: ``app, rt = fast_app()``.

        Name, which part, the call, the line.
        """
        return tuple(
            (item.id, index, node.value, node.lineno)
            for node in self.statements
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
            for target in node.targets
            if isinstance(target, ast.Tuple)
            for index, item in enumerate(target.elts)
            if isinstance(item, ast.Name)
        )

    @cached_property
    def main_guard(self) -> ast.stmt | None:
        """The ``if __name__ == "__main__"`` of the file."""
        return next((node for node in self.tree.body if is_main_guard(node)), None)


def is_main_guard(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and any(
            isinstance(side, ast.Name) and side.id == "__name__"
            for side in (node.test.left, *node.test.comparators)
        )
    )


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if is_main_guard(node):
            continue
        yield node
        for name in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With):
                yield from _top_level(getattr(node, name, []))
        if isinstance(node, ast.Try):
            for handler in node.handlers:
                yield from _top_level(handler.body)


def text(node: ast.AST | None) -> str | None:
    """The value of a string literal, else ``None``."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def called_within(source: Source, value: ast.expr) -> Iterator[str]:
    """What an expression calls, and what the arguments of its calls call."""
    while isinstance(value, ast.Call):
        name = source.dotted(value.func)
        if name is not None:
            yield name
        if not value.args:
            return
        value = value.args[0]


def argument(call: ast.Call, position: int, name: str) -> ast.expr | None:
    """An argument of a call, by position or by name."""
    if len(call.args) > position:
        return call.args[position]
    return next((item.value for item in call.keywords if item.arg == name), None)


def required_arguments(function: Function) -> list[str]:
    """The names of the arguments that a caller must give."""
    arguments = function.args
    positional = [*arguments.posonlyargs, *arguments.args]
    needed = positional[: len(positional) - len(arguments.defaults)]
    keyword = [
        item
        for item, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
        if default is None
    ]
    return [item.arg for item in [*needed, *keyword]]
