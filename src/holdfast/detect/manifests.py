"""Dependency files of other tools: Poetry, PDM, Pipenv, conda, setuptools' setup.py.

Each becomes requirement lines, pinned by the tool's lock file where there is one, so that
nothing but uv is needed to install them.
"""

from __future__ import annotations

import ast
import configparser
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from holdfast.detect import requirements
from holdfast.detect.facts import (
    BrokenFile,
    DependencyFile,
    Evidence,
    Fact,
    OwnPackage,
    PythonRequest,
)
from holdfast.detect.lines import name_of, names_of, normalise, of_environment, of_tables
from holdfast.detect.source import argument, text
from holdfast.detect.tree import Tree, join, parent

PRODUCTION = frozenset({"prod", "production", "deploy", "deployment", "server", "heroku", "live",
                        "main", "web", "docker"})  # fmt: skip
"""Names of groups and extras that a server needs."""

Tool = Literal["poetry", "pdm", "pipenv", "conda", "setup"]


def of_directory(tree: Tree, directory: str, pyproject: Mapping[str, Any] | None) -> Iterator[Fact]:
    """What the other tools' files of one directory say."""
    tool = (pyproject or {}).get("tool", {})
    path = join(directory, "pyproject.toml")
    if isinstance(tool.get("poetry"), dict):
        yield from _poetry(tree, directory, path, tool["poetry"])
    if tree.has(join(directory, "Pipfile")):
        yield from _pipenv(tree, directory)
    for name in ("environment.yml", "environment.yaml", "conda.yml"):
        if tree.has(join(directory, name)):
            yield from _conda(tree, join(directory, name))
            break
    if "project" not in (pyproject or {}) and "poetry" not in tool:
        yield from _setup(tree, directory)


def _file(
    tool: Tool,
    path: str,
    lines: Iterable[str],
    pins: Mapping[str, str] | None = None,
    also: tuple[str, ...] = (),
) -> DependencyFile:
    """The lines of one tool; what its lock pins besides comes after what is asked for."""
    asked = list(lines)
    direct = names_of(asked)
    pinned = dict(pins or {})
    own = [_at(line, pinned.pop(name_of(line) or "", None)) for line in asked]
    wanted = (*own, *pinned.values())
    return DependencyFile(
        Evidence(path),
        tool,
        names_of(wanted),
        direct,
        wanted,
        pinned=bool(pins),
        also=also,
    )


def _at(line: str, pin: str | None) -> str:
    """What is asked for in the version that the lock has; its extras stay."""
    if pin is None or "@" in line or line.startswith("."):
        return line
    head = re.match(r"\s*[\w.-]+\s*(?:\[[^\]]*\])?", line)
    version = re.search(r"==[^\s;]+", pin)
    _, semicolon, markers = line.partition(";")
    return f"{head[0] if head else line}{version[0] if version else ''}{semicolon}{markers}"


# ── Poetry ──────────────────────────────────────────────────────────────────────────────


def _poetry(tree: Tree, directory: str, path: str, table: Mapping[str, Any]) -> Iterator[Fact]:
    """``[tool.poetry.dependencies]`` and groups meant for a server, pinned by ``poetry.lock``."""
    main = table.get("dependencies", {})
    lines = [*of_tables(main, directory)]
    for name, group in table.get("group", {}).items():
        if name in PRODUCTION:
            lines += of_tables(group.get("dependencies", {}), directory)
    if version := main.get("python"):
        yield PythonRequest(Evidence(path, _line(tree, path, r"python\s*=")), str(version))
    if lines and not tree.has(join(directory, "uv.lock")):
        lock = join(directory, "poetry.lock")
        pins = poetry_pins(_toml(tree, lock), names_of(lines))
        also = (lock,) if tree.has(lock) else ()
        yield _file("poetry", path, lines, pins, also)


def _toml(tree: Tree, path: str) -> Mapping[str, Any]:
    """A lock file, or nothing where it is missing or broken: it only pins."""
    try:
        return tomllib.loads(tree.text(path)) if tree.has(path) else {}
    except tomllib.TOMLDecodeError:
        return {}


def poetry_pins(lock: Mapping[str, Any], wanted: frozenset[str]) -> dict[str, str]:
    """The packages that ``poetry.lock`` has below those wanted, each at its version.

    The markers on the way to a package are kept, so that what Windows needs stays away. A
    package with several versions (one for each Python) is left for uv to choose.
    """
    packages: dict[str, list[Mapping[str, Any]]] = {}
    for item in lock.get("package", []):
        packages.setdefault(normalise(item["name"]), []).append(item)
    markers: dict[str, set[str]] = {name: {""} for name in wanted}
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        for package in packages.get(name, []):
            for below, marker in _edges(package):
                known = markers.setdefault(below, set())
                if not known:
                    waiting.append(below)
                known.add(marker)
    return {
        name: f"{name}=={packages[name][0]['version']}{_joined(markers[name])}"
        for name in markers
        if len(packages.get(name, [])) == 1 and "source" not in packages[name][0]
    }


def _edges(package: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in package.get("dependencies", {}).items():
        for item in value if isinstance(value, list) else [value]:
            described = item if isinstance(item, dict) else {}
            if not described.get("optional"):
                yield normalise(name), str(described.get("markers", ""))


def _joined(markers: set[str]) -> str:
    """Needed where any way to it holds; ``extra`` means nothing outside of its package."""
    if "" in markers or any("extra" in item for item in markers):
        return ""
    return " ; " + " or ".join(f"({item})" for item in sorted(markers))


# ── PDM ─────────────────────────────────────────────────────────────────────────────────


def pdm_pins(tree: Tree, directory: str) -> dict[str, str]:
    """What ``pdm.lock`` has in its default group."""
    found = {}
    for item in _toml(tree, join(directory, "pdm.lock")).get("package", []):
        named = "default" in item.get("groups", ["default"]) and "version" in item
        if named and not {"path", "git", "url"} & set(item):
            marker = f" ; {item['marker']}" if item.get("marker") else ""
            name = normalise(item["name"])
            found[name] = f"{name}=={item['version']}{marker}"
    return found


def of_standard(
    tree: Tree, directory: str, path: str, dependencies: Iterable[str]
) -> DependencyFile | None:
    """``[project] dependencies`` as PDM or Poetry 2 has locked them; ``None`` without a lock."""
    wanted = list(dependencies)
    lock = join(directory, "pdm.lock")
    if tree.has(lock):
        return _file("pdm", path, wanted, pdm_pins(tree, directory), (lock,))
    lock = join(directory, "poetry.lock")
    if tree.has(lock):
        pins = poetry_pins(_toml(tree, lock), names_of(wanted))
        return _file("poetry", path, wanted, pins, (lock,))
    return None


# ── Pipenv ──────────────────────────────────────────────────────────────────────────────


def _pipenv(tree: Tree, directory: str) -> Iterator[Fact]:
    path, lock = join(directory, "Pipfile"), join(directory, "Pipfile.lock")
    try:
        table = tomllib.loads(tree.text(path))
    except tomllib.TOMLDecodeError as error:
        yield BrokenFile(Evidence(path), f"it is not valid TOML: {error}")
        return
    requires = table.get("requires", {})
    version = requires.get("python_version") or requires.get("python_full_version")
    if version:
        yield PythonRequest(Evidence(path, _line(tree, path, "python_")), str(version))
    lines = [*of_tables(table.get("packages", {}), directory)]
    if lines:
        locked = _pipenv_pins(tree, lock)
        yield _file("pipenv", path, lines, locked, (lock,) if locked else ())


def _pipenv_pins(tree: Tree, lock: str) -> dict[str, str]:
    try:
        default = json.loads(tree.text(lock) or "{}").get("default", {})
    except (ValueError, AttributeError):
        return {}
    found = {}
    for name, item in default.items():
        if isinstance(item, dict) and str(item.get("version", "")).startswith("=="):
            marker = f" ; {item['markers']}" if item.get("markers") else ""
            found[normalise(name)] = f"{name}{item['version']}{marker}"
    return found


# ── conda and setuptools ────────────────────────────────────────────────────────────────


def _conda(tree: Tree, path: str) -> Iterator[Fact]:
    said, python = of_environment(tree.text(path))
    lines: list[str] = []
    for line in said:
        more = re.match(r"(?:-r|--requirement)[ =]\s*(\S+)", line)
        lines += requirements.lines_of(tree, join(parent(path), more[1])) if more else [line]
    if python:
        yield PythonRequest(Evidence(path, _line(tree, path, r"-\s*python")), python)
    if lines:
        yield _file("conda", path, lines)


def _setup(tree: Tree, directory: str) -> Iterator[Fact]:
    """``setup.cfg``, else ``setup.py`` whose list stands in it as a literal."""
    path = join(directory, "setup.cfg")
    if tree.has(path):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(tree.text(path))
            listed = parser.get("options", "install_requires", fallback="")
        except configparser.Error:
            listed = ""
        lines = [line.strip() for line in re.split(r"[\n;]", listed) if line.strip()]
        if lines and not listed.lstrip().startswith("file:"):
            yield _file("setup", path, lines)
            return
    path = join(directory, "setup.py")
    source = tree.source(path) if tree.has(path) else None
    for call, name in source.calls() if source else ():
        if name.rpartition(".")[2] == "setup":
            if own := text(argument(call, 99, "name")):
                yield OwnPackage(Evidence(path, call.lineno), own)
            wanted = argument(call, 99, "install_requires")
            if isinstance(wanted, ast.List | ast.Tuple):
                lines = [item for item in map(text, wanted.elts) if item]
                if lines:
                    yield _file("setup", path, lines)


def _line(tree: Tree, path: str, pattern: str) -> int | None:
    match = re.search(pattern, tree.text(path))
    return tree.text(path).count("\n", 0, match.start()) + 1 if match else None
