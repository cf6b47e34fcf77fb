"""What an expression of the code comes to, where no variable of the environment is set, or some.

Nothing is run: a few kinds of expressions are worked out, all others are unknown.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from holdfast.detect.source import Source, argument, text

ROOT = "/:tree:"
"""What ``__file__`` begins with here: the root of the project, wherever it will lie."""


def of(source: Source, test: ast.expr) -> bool | None:
    """Whether a condition holds; ``None`` if that is not known."""
    try:
        return bool(Reading(source).value(test))
    except Unknown:
        return None


class Unknown(Exception):
    """An expression whose value only a run would tell."""


class Reading:
    """Works an expression out as if these variables of the environment were set, and no other."""

    def __init__(self, source: Source, env: Mapping[str, str] | None = None) -> None:
        self._source = source
        self._env = env or {}
        self._depth = 0

    def value(self, node: ast.expr | None) -> Any:
        """What it comes to.

        Raises:
            Unknown: that is not known without running it.
        """
        self._depth += 1
        try:
            read = _READERS.get(type(node))
            if read is None or self._depth > 20:
                raise Unknown
            return read(self, node)
        finally:
            self._depth -= 1

    def constant(self, node: ast.Constant) -> Any:
        return node.value

    def name(self, node: ast.Name) -> Any:
        if node.id == "__file__":
            return f"{ROOT}/{self._source.path}"
        for test, value in self._source.given.get(node.id, ()):
            if test is None or self._holds(test):
                return self.value(value)
        raise Unknown

    def _holds(self, test: tuple[ast.expr, bool]) -> bool:
        try:
            return bool(self.value(test[0])) == test[1]
        except Unknown:
            return True

    def either(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def logic(self, node: ast.BoolOp) -> Any:
        found: Any = None
        for item in node.values:
            found = self.value(item)
            if bool(found) == isinstance(node.op, ast.Or):
                break
        return found

    def negated(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.Not):
            return not self.value(node.operand)
        raise Unknown

    def compared(self, node: ast.Compare) -> Any:
        right, operator = node.comparators[0], node.ops[0]
        if isinstance(operator, ast.In | ast.NotIn) and self._is_environment(right):
            there = self.value(node.left) in self._env
            return there == isinstance(operator, ast.In)
        compare = _COMPARISONS.get(type(operator))
        if compare is None or len(node.ops) > 1:
            raise Unknown
        return compare(self.value(node.left), self.value(right))

    def _is_environment(self, node: ast.expr) -> bool:
        return self._source.dotted(node) == "os.environ"

    def joined(self, node: ast.JoinedStr) -> str:
        parts = [
            self.value(item.value if isinstance(item, ast.FormattedValue) else item)
            for item in node.values
        ]
        if None in parts:
            raise Unknown
        return "".join(map(str, parts))

    def added(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return left + right
        if isinstance(node.op, ast.Div) and isinstance(left, PurePosixPath):
            return left / str(right)
        if isinstance(node.op, ast.Mod) and isinstance(left, str) and right is not None:
            try:
                return left % right
            except (TypeError, ValueError):
                raise Unknown from None
        raise Unknown

    def attribute(self, node: ast.Attribute) -> Any:
        """Parts of a path: ``Path(__file__).resolve().parent.name``."""
        base = self.value(node.value)
        if isinstance(base, PurePosixPath) and node.attr in ("parent", "name", "stem"):
            return getattr(base, node.attr)
        raise Unknown

    def called(self, node: ast.Call) -> Any:
        name = self._source.dotted(node.func) or ""
        if name in ("os.environ.get", "os.getenv", "decouple.config"):
            asked = text(node.args[0]) if node.args else None
            if asked is not None and asked in self._env:
                return self._env[asked]
            default = argument(node, 1, "default")
            return None if default is None and name != "decouple.config" else self.value(default)
        if name in ("pathlib.Path", "str") and node.args:
            found = self.value(node.args[0])
            return PurePosixPath(found) if name == "pathlib.Path" else str(found)
        if name == "os.path.join" and node.args and not node.keywords:
            return str(PurePosixPath(*(str(self.value(item)) for item in node.args)))
        if name in _PATHS and node.args:
            return _PATHS[name](str(self.value(node.args[0])))
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, node)
        raise Unknown

    def item(self, node: ast.Subscript) -> Any:
        """``os.environ["NAME"]`` of a variable that is set."""
        asked = text(node.slice)
        if asked is not None and asked in self._env and self._is_environment(node.value):
            return self._env[asked]
        raise Unknown

    def _method(self, method: ast.Attribute, call: ast.Call) -> Any:
        base = self.value(method.value)
        if isinstance(base, PurePosixPath) and method.attr in ("resolve", "absolute"):
            return base
        if isinstance(base, str) and method.attr in ("lower", "upper", "strip") and not call.args:
            return getattr(base, method.attr)()
        if isinstance(base, str) and method.attr == "format" and not call.keywords:
            values = [self.value(item) for item in call.args]
            if None not in values:
                return base.format(*values)
        raise Unknown


_READERS: dict[type | None, Callable[[Reading, Any], Any]] = {
    ast.Constant: Reading.constant,
    ast.Name: Reading.name,
    ast.IfExp: Reading.either,
    ast.BoolOp: Reading.logic,
    ast.UnaryOp: Reading.negated,
    ast.Compare: Reading.compared,
    ast.JoinedStr: Reading.joined,
    ast.BinOp: Reading.added,
    ast.Attribute: Reading.attribute,
    ast.Call: Reading.called,
    ast.Subscript: Reading.item,
}
_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: lambda left, right: bool(left == right),
    ast.NotEq: lambda left, right: bool(left != right),
    ast.Is: lambda left, right: left is right,
    ast.IsNot: lambda left, right: left is not right,
}
_PATHS: dict[str, Callable[[str], str]] = {
    "os.path.dirname": lambda path: str(PurePosixPath(path).parent),
    "os.path.basename": lambda path: PurePosixPath(path).name,
    "os.path.abspath": lambda path: path,
    "os.path.realpath": lambda path: path,
}
