"""Which settings module a Django project names, also where it computes the name.

``f"shop.settings.{os.environ.get('ENV', 'dev')}"`` and ``"shop.prod" if "X" in os.environ else
"shop.dev"`` are read as they come out where nobody has set a variable. Nothing is run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree, join, parent

VARIABLE = "DJANGO_SETTINGS_MODULE"
DEVELOPMENT = ("dev", "develop", "development", "local", "debug")
PRODUCTION = ("production", "prod", "product", "live", "deploy", "deployment")


def named(tree: Tree, source: Source) -> tuple[str, int] | None:
    """The settings module that a file puts into the environment, and the line.

    One for tests, which ``manage.py`` names under a condition of its own, only if it is alone.
    """
    found = [(_read(tree, source, value), line) for value, line in _given(source)]
    usable = [(value, line) for value, line in found if value]
    return min(usable, key=lambda item: "test" in item[0].rpartition(".")[2], default=None)


def _read(tree: Tree, source: Source, value: ast.expr) -> str:
    try:
        found = _Reading(source).value(value)
    except _Unknown:
        found = _guessed(tree, source, value)
    return found if isinstance(found, str) else ""


def by_content(tree: Tree, base: str) -> tuple[str, int | None] | None:
    """A module with ``ROOT_URLCONF`` below ``base``, where no file says a name that is known."""
    for source in tree.mentioning(b"ROOT_URLCONF"):
        path = source.path if base == "." else source.path.removeprefix(f"{base}/")
        line = next((line for name, _, line in source.assignments if name == "ROOT_URLCONF"), None)
        if line is None or (base != "." and path == source.path) or "test" in path:
            continue
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        return _of_production(tree, base, module), line
    return None


def beside(tree: Tree, base: str, settings: str) -> str:
    """The production module beside one for development, if the project has one."""
    package, _, last = settings.rpartition(".")
    word = next((item for item in DEVELOPMENT if item in last.split("_")), None)
    for other in PRODUCTION if word else ():
        name = "_".join(other if part == word else part for part in last.split("_"))
        if tree.has(join(base, f"{package.replace('.', '/')}/{name}.py")):
            return f"{package}.{name}" if package else name
    return settings


def _of_production(tree: Tree, base: str, settings: str) -> str:
    """The module of that package that is made for a server, else this one."""
    package = settings.rpartition(".")[0]
    folder = join(base, package.replace(".", "/") or ".")
    names = (name for name in PRODUCTION if tree.has(join(folder, f"{name}.py")))
    found = next(names, None)
    return f"{package}.{found}" if found and package else found or settings


def _given(source: Source) -> Iterator[tuple[ast.expr, int]]:
    """What is put under the variable's name, in the order of the file."""
    for call, name in source.calls():
        if name in ("os.environ.setdefault", "os.environ.__setitem__"):
            value = argument(call, 1, "value")
            if text(argument(call, 0, "key")) == VARIABLE and value is not None:
                yield value, call.lineno
    for node in source.nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0]
            if source.dotted(target.value) == "os.environ" and text(target.slice) == VARIABLE:
                yield node.value, node.lineno


def _guessed(tree: Tree, source: Source, value: ast.expr) -> str | None:
    """``f"shop.settings.{env}"`` with nothing known of ``env``: the module for a server."""
    if not isinstance(value, ast.JoinedStr) or not value.values:
        return None
    head = text(value.values[0]) or ""
    if not head.endswith(".") or len(value.values) != 2:
        return None
    folder = head[:-1].replace(".", "/")
    for above in (".", *_above(source.path)):
        for name in PRODUCTION:
            if tree.has(join(above, f"{folder}/{name}.py")):
                return f"{head}{name}"
    return None


def _above(path: str) -> Iterator[str]:
    while path not in ("", "."):
        path = parent(path)
        yield path


class _Unknown(Exception):
    """An expression whose value only a run would tell."""


class _Reading:
    """Works an expression out as if no variable of the environment were set."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._depth = 0

    def value(self, node: ast.expr | None) -> Any:
        """What it comes to.

        Raises:
            _Unknown: that is not known without running it.
        """
        self._depth += 1
        try:
            read = _READERS.get(type(node))
            if read is None or self._depth > 20:
                raise _Unknown
            return read(self, node)
        finally:
            self._depth -= 1

    def constant(self, node: ast.Constant) -> Any:
        return node.value

    def name(self, node: ast.Name) -> Any:
        if node.id == "__file__":
            return f"/{self._source.path}"
        for test, value in self._assigned(node.id):
            if test is None or self._holds(test):
                return self.value(value)
        raise _Unknown

    def _assigned(self, name: str) -> Iterator[tuple[tuple[ast.expr, bool] | None, ast.expr]]:
        """Values given to a name, each with the condition it stands under."""
        under = {
            id(item): (node.test, branch == "body")
            for node in self._source.nodes
            if isinstance(node, ast.If)
            for branch in ("body", "orelse")
            for item in getattr(node, branch)
        }
        for node in self._source.nodes:
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == name for target in node.targets
            ):
                yield under.get(id(node)), node.value

    def _holds(self, test: tuple[ast.expr, bool]) -> bool:
        try:
            return bool(self.value(test[0])) == test[1]
        except _Unknown:
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
        raise _Unknown

    def compared(self, node: ast.Compare) -> Any:
        right, operator = node.comparators[0], node.ops[0]
        if isinstance(operator, ast.In | ast.NotIn) and self._is_environment(right):
            return isinstance(operator, ast.NotIn)
        compare = _COMPARISONS.get(type(operator))
        if compare is None or len(node.ops) > 1:
            raise _Unknown
        return compare(self.value(node.left), self.value(right))

    def _is_environment(self, node: ast.expr) -> bool:
        return self._source.dotted(node) == "os.environ"

    def joined(self, node: ast.JoinedStr) -> str:
        parts = [
            self.value(item.value if isinstance(item, ast.FormattedValue) else item)
            for item in node.values
        ]
        if None in parts:
            raise _Unknown
        return "".join(map(str, parts))

    def added(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if isinstance(node.op, ast.Add) and isinstance(left, str) and isinstance(right, str):
            return left + right
        if isinstance(node.op, ast.Mod) and isinstance(left, str) and right is not None:
            try:
                return left % right
            except (TypeError, ValueError):
                raise _Unknown from None
        raise _Unknown

    def attribute(self, node: ast.Attribute) -> Any:
        """Parts of a path: ``Path(__file__).resolve().parent.name``."""
        base = self.value(node.value)
        if isinstance(base, PurePosixPath) and node.attr in ("parent", "name", "stem"):
            return getattr(base, node.attr)
        raise _Unknown

    def called(self, node: ast.Call) -> Any:
        name = self._source.dotted(node.func) or ""
        if name in ("os.environ.get", "os.getenv", "decouple.config"):
            default = argument(node, 1, "default")
            return None if default is None and name != "decouple.config" else self.value(default)
        if name in ("pathlib.Path", "str") and node.args:
            found = self.value(node.args[0])
            return PurePosixPath(found) if name == "pathlib.Path" else str(found)
        if name in _PATHS and node.args:
            return _PATHS[name](str(self.value(node.args[0])))
        if isinstance(node.func, ast.Attribute):
            return self._method(node.func, node)
        raise _Unknown

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
        raise _Unknown


_READERS: dict[type | None, Callable[[_Reading, Any], Any]] = {
    ast.Constant: _Reading.constant,
    ast.Name: _Reading.name,
    ast.IfExp: _Reading.either,
    ast.BoolOp: _Reading.logic,
    ast.UnaryOp: _Reading.negated,
    ast.Compare: _Reading.compared,
    ast.JoinedStr: _Reading.joined,
    ast.BinOp: _Reading.added,
    ast.Attribute: _Reading.attribute,
    ast.Call: _Reading.called,
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
