"""What must be installed: uv.lock, pyproject.toml, requirements files, or a script's own header.

Also the version of Python asked for, and whether the project itself must be installed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from holdfast.config import Config
from holdfast.detect.facts import (
    BrokenFile,
    DependencyFile,
    Evidence,
    Fact,
    NeedsInstalling,
    PythonRequest,
)
from holdfast.detect.tree import Tree, join, parent

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")
_PINNED = re.compile(r"===?[^=]|@\s*\S|^-e\s|^\.")
_INCLUDES = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]\s*(\S+)")
_REQUIREMENTS = (
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
    "requirements-prod.txt",
    "requirements_prod.txt",
)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    if config.build.requirements:
        yield from _configured(tree, config.build.requirements)
    else:
        for directory in _directories(tree):
            yield from _in_directory(tree, directory)
        yield from _scripts(tree)
    yield from _python_requests(tree)


def normalise(name: str) -> str:
    """A package's name as the index compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _configured(tree: Tree, path: str) -> Iterator[Fact]:
    """``[build] requirements``: this file, whatever else there is."""
    if not tree.has(path):
        yield BrokenFile(Evidence(path), "[build] requirements names it, and it is not there")
    elif path.endswith(("pyproject.toml", "uv.lock")):
        yield from _project_files(tree, parent(path))
    else:
        yield _requirements(tree, path)


def _directories(tree: Tree) -> list[str]:
    """Directories that hold dependency files, the root first; not those of examples."""
    names = ("uv.lock", "pyproject.toml", "requirements.txt")
    found = ["."] + [parent(path) for path in tree.named(*names)]
    found += [parent(parent(path)) for path in tree.files if path in _REQUIREMENTS]
    return [item for item in dict.fromkeys(found) if item.count("/") <= 1]


def _in_directory(tree: Tree, directory: str) -> Iterator[Fact]:
    yield from _project_files(tree, directory)
    for name in _REQUIREMENTS:
        path = join(directory, name)
        if tree.has(path):
            yield _requirements(tree, path)
            return


def _project_files(tree: Tree, directory: str) -> Iterator[Fact]:
    """``pyproject.toml`` and the ``uv.lock`` beside it."""
    path = join(directory, "pyproject.toml")
    if not tree.has(path):
        return
    try:
        table = tomllib.loads(tree.text(path))
    except tomllib.TOMLDecodeError as error:
        yield BrokenFile(Evidence(path, _line_of(error)), f"it is not valid TOML: {error}")
        return
    project = table.get("project")
    if not isinstance(project, dict):
        return
    if version := project.get("requires-python"):
        yield PythonRequest(Evidence(path, _find(tree, path, "requires-python")), str(version))
    lock = join(directory, "uv.lock")
    direct = names_of(project.get("dependencies", []))
    if tree.has(lock):
        locked = frozenset(_locked(tree, lock))
        also = (path,)
        yield DependencyFile(Evidence(lock), "uv.lock", locked, direct, pinned=True, also=also)
    elif direct or "dependencies" in project.get("dynamic", []):
        packages = direct | implied(direct) | extras_imply(project.get("dependencies", []))
        yield DependencyFile(Evidence(path), "pyproject", packages, direct)
    yield from _needs_installing(tree, path, table, project)


def _line_of(error: tomllib.TOMLDecodeError) -> int | None:
    match = re.search(r"line (\d+)", str(error))
    return int(match[1]) if match else None


def _find(tree: Tree, path: str, word: str) -> int | None:
    text = tree.text(path)
    position = text.find(word)
    return text.count("\n", 0, position) + 1 if position >= 0 else None


def _locked(tree: Tree, path: str) -> Iterator[str]:
    """The packages of a ``uv.lock``; a regular expression, for it may be a megabyte."""
    for match in re.finditer(r'^name = "([^"]+)"', tree.text(path), re.MULTILINE):
        yield normalise(match[1])


def _needs_installing(
    tree: Tree, path: str, table: dict[str, Any], project: dict[str, Any]
) -> Iterator[Fact]:
    """Whether the project must itself be installed.

    To have its modules found is no reason: the import path does that without a build for
    each release. Its own metadata, its entry points and a version file that the build
    writes are.
    """
    if "build-system" not in table:
        return
    name = str(project.get("name", ""))
    if "entry-points" in project:
        yield NeedsInstalling(Evidence(path), "it declares entry points")
    elif _version_file(table):
        yield NeedsInstalling(Evidence(path), "its build writes a version file")
    elif name:
        wanted = re.compile(
            rb"(?:version|metadata|distribution|files|require)\(\s*[\"']"
            + re.escape(name).encode()
            + rb"[\"']"
        )
        own = rb"(?:version|metadata|distribution)\(\s*(?:__name__|__package__)"
        for item, data in tree.holding(b"metadata", b"pkg_resources"):
            match = wanted.search(data) or re.search(own, data)
            if match:
                line = data.count(b"\n", 0, match.start()) + 1
                why = "the code asks for its own installed version"
                yield NeedsInstalling(Evidence(item, line), why)
                return


def _version_file(table: dict[str, Any]) -> bool:
    tool = table.get("tool", {})
    scm = tool.get("setuptools_scm", {})
    hooks = tool.get("hatch", {}).get("build", {}).get("hooks", {})
    return bool(
        scm.get("version_file")
        or scm.get("write_to")
        or hooks.get("vcs", {}).get("version-file")
        or tool.get("pdm", {}).get("version", {}).get("write_to")
    )


def _requirements(tree: Tree, path: str) -> DependencyFile:
    """A requirements file with all that it includes (``-r``, ``-c``)."""
    lines: list[str] = []
    files: list[str] = []
    _collect(tree, path, lines, files)
    direct = names_of(lines)
    pinned = bool(lines) and all(_PINNED.search(line) for line in lines)
    return DependencyFile(
        Evidence(path),
        "requirements",
        direct | implied(direct) | extras_imply(lines),
        direct,
        pinned=pinned,
        also=tuple(files[1:]),
    )


def _collect(tree: Tree, path: str, lines: list[str], files: list[str]) -> None:
    if path in files or not tree.has(path):
        return
    files.append(path)
    for raw in re.sub(r"\\\r?\n", " ", tree.text(path)).splitlines():
        line = re.sub(r"(?:^|\s)#.*$", "", raw).strip()
        include = _INCLUDES.match(line)
        if include:
            _collect(tree, join(parent(path), include[1]), lines, files)
        elif line and not line.startswith("--"):
            lines.append(line)


def names_of(requirements: Iterable[object]) -> frozenset[str]:
    """Normalised names of requirement strings; those of other forms are left out."""
    found = set()
    for item in requirements:
        match = _NAME.match(str(item))
        if match and not str(item).startswith(("-", ".")):
            found.add(normalise(match[1]))
    return frozenset(found)


_IMPLIED = {
    "quart": ("hypercorn",),
    "flask-migrate": ("alembic",),
    "flask-sqlalchemy": ("sqlalchemy",),
    "uvicorn-worker": ("uvicorn", "gunicorn"),
    "apiflask": ("flask",),
}
_EXTRAS = {
    "fastapi": ("uvicorn", "websockets"),
    "litestar": ("uvicorn", "websockets"),
    "channels": ("daphne",),
    "uvicorn": ("websockets", "httptools", "uvloop"),
}


def implied(direct: frozenset[str]) -> frozenset[str]:
    """Packages that others bring along, where nothing is locked."""
    return frozenset(name for package in direct for name in _IMPLIED.get(package, ()))


def extras_imply(requirements: Iterable[object]) -> frozenset[str]:
    """Servers that come as an extra: ``fastapi[standard]`` is FastAPI with uvicorn."""
    found: set[str] = set()
    for item in requirements:
        match = _NAME.match(str(item))
        if match and match[2]:
            found.update(_EXTRAS.get(normalise(match[1]), ()))
    return frozenset(found)


_SCRIPT = re.compile(r"(?m)^# /// script\s*$\s(?P<body>(?:^#(?:| .*)$\s)+)^# ///\s*$")


def _scripts(tree: Tree) -> Iterator[Fact]:
    """A header of inline metadata (PEP 723) in a file near the top."""
    for path in tree.python:
        if "/" in path or b"# /// script" not in tree.read(path):
            continue
        match = _SCRIPT.search(tree.text(path))
        if match is None:
            continue
        body = "\n".join(line[2:] for line in match["body"].splitlines())
        try:
            table = tomllib.loads(body)
        except tomllib.TOMLDecodeError as error:
            yield BrokenFile(Evidence(path, 1), f"its script header is not valid TOML: {error}")
            continue
        wanted = tuple(str(item) for item in table.get("dependencies", []))
        names = names_of(wanted)
        packages = names | implied(names) | extras_imply(wanted)
        version = table.get("requires-python")
        yield DependencyFile(Evidence(path, 1), "script", packages, names, wanted, python=version)


def _python_requests(tree: Tree) -> Iterator[Fact]:
    """``.python-version`` (pyenv, uv) and ``runtime.txt`` (Heroku: ``python-3.12.1``).

    Of ``3.12.1`` only ``3.12`` is asked for: a later patch has fewer holes, and the
    machine has one patch of each version at most.
    """
    for name in (".python-version", "runtime.txt"):
        if tree.has(name):
            for line in tree.text(name).splitlines():
                match = re.fullmatch(r"\s*(?:c?python-)?(\d+(?:\.\d+)?)(?:\.\d+)?\s*", line)
                if match:
                    yield PythonRequest(Evidence(name), match[1])
                    break
