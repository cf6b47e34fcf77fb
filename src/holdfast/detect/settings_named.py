"""Which settings module a Django project names, also where it computes the name.

``f"shop.settings.{os.environ.get('ENV', 'dev')}"`` and ``"shop.prod" if "X" in os.environ else
"shop.dev"`` are read as they come out where nobody has set a variable. Nothing is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.detect import reading
from holdfast.detect.facts import Evidence
from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree, join, parent

VARIABLE = "DJANGO_SETTINGS_MODULE"
DEVELOPMENT = ("dev", "develop", "development", "local", "debug", "base", "common")
"""The last two hold for all: where one for production lies beside them, that is meant for here."""
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
        found = reading.Reading(source).value(value)
    except reading.Unknown:
        found = _guessed(tree, source, value)
    return found if isinstance(found, str) else ""


_TOLD_IN = ("Procfile", "Dockerfile", "render.yaml", "app.yaml", "fly.toml", "heroku.yml",
            "app.json", "railway.json", "railway.toml", "koyeb.yaml",
            ".platform.app.yaml")  # fmt: skip
_TOLD = re.compile(
    rf"{VARIABLE}[\"']?\s*[:=\s,]\s*(?:[\"']?value[\"']?\s*[:=]\s*)?[\"']?([A-Za-z_][\w.]*)"
)


def elsewhere(tree: Tree, base: str) -> tuple[str, Evidence] | None:
    """The module that another platform is told: it is what its author serves with."""
    for path in tree.named(*_TOLD_IN):
        said = tree.text(path)
        for match in _TOLD.finditer(said):
            module = match[1].replace(".", "/")
            here = (join(base, f"{module}.py"), join(base, f"{module}/__init__.py"))
            if any(map(tree.has, here)):
                return match[1], Evidence(path, said.count("\n", 0, match.start()) + 1)
    return None


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
