"""What must be installed: the files of one directory, or a script's own header.

Also the version of Python asked for, and whether the project itself must be installed.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from holdfast.config import Config
from holdfast.detect import bringing, lines, manifests, requirements
from holdfast.detect.facts import (
    BrokenFile,
    DependencyFile,
    Evidence,
    Fact,
    NeedsInstalling,
    OwnPackage,
    PythonRequest,
)
from holdfast.detect.tree import Tree, join, parent

_MOST_DEEP = 3
"""Directories below the root in which dependency files are looked for."""

_ASIDE = frozenset({"tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts"})


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    if config.build.requirements:
        yield from _configured(tree, config.build.requirements)
    else:
        for directory in _directories(tree):
            yield from _in_directory(tree, directory)
        yield from _scripts(tree)
    yield from _python_requests(tree)


def _configured(tree: Tree, path: str) -> Iterator[Fact]:
    """``[build] requirements``: this file, whatever else there is."""
    if not tree.has(path):
        yield BrokenFile(Evidence(path), "[build] requirements names it, and it is not there")
    elif path.endswith(("pyproject.toml", "uv.lock")):
        yield from _project_files(tree, parent(path))
    else:
        yield requirements.read(tree, path)


def _directories(tree: Tree) -> list[str]:
    """Directories that may hold dependency files, the root first; not those of examples."""
    found = [item for item in tree.directories if item.count("/") < _MOST_DEEP]
    return [item for item in found if not _ASIDE & set(item.split("/"))]


def _in_directory(tree: Tree, directory: str) -> Iterator[Fact]:
    found = [*_project_files(tree, directory)]
    yield from map(_completed, found)
    path = requirements.best_in(tree, directory)
    if path is not None:
        yield requirements.read(tree, path)


def _completed(fact: Fact) -> Fact:
    """With the packages that those named are known to bring along."""
    if not isinstance(fact, DependencyFile) or fact.source == "uv.lock":
        return fact
    named = bringing.implied(fact.direct) | bringing.extras_imply(fact.requirements)
    return replace(fact, packages=fact.packages | named)


def _project_files(tree: Tree, directory: str) -> Iterator[Fact]:
    """``pyproject.toml`` and the lock files beside it; the files of other tools."""
    path = join(directory, "pyproject.toml")
    table = None
    if tree.has(path):
        try:
            table = tomllib.loads(tree.text(path))
        except tomllib.TOMLDecodeError as error:
            yield BrokenFile(Evidence(path, _line_of(error)), f"it is not valid TOML: {error}")
            return
        if isinstance(table.get("project"), dict):
            yield from _project(tree, directory, path, table, table["project"])
        elif "poetry" in table.get("tool", {}):
            yield from _needs_installing(tree, path, table, {})
    yield from manifests.of_directory(tree, directory, table)


def _project(
    tree: Tree, directory: str, path: str, table: dict[str, Any], project: dict[str, Any]
) -> Iterator[Fact]:
    """The standard's ``[project]`` table, pinned by whichever tool's lock lies beside it."""
    if version := project.get("requires-python"):
        yield PythonRequest(Evidence(path, _find(tree, path, "requires-python")), str(version))
    wanted = [str(item) for item in project.get("dependencies", [])]
    extra = [str(item) for item in _production(project.get("optional-dependencies", {}))]
    direct = lines.names_of([*wanted, *extra])
    lock = _lock_above(tree, directory)
    if lock is not None:
        locked = frozenset(_locked(tree, lock))
        also = tuple(dict.fromkeys((lock, path, join(parent(lock), "pyproject.toml"))))
        home = path if parent(lock) != directory else lock
        also = tuple(item for item in also if item != home)
        yield DependencyFile(Evidence(home), "uv.lock", locked, direct, pinned=True, also=also)
    elif pinned := manifests.of_standard(tree, directory, path, [*wanted, *extra]):
        yield pinned
    elif direct or "dependencies" in project.get("dynamic", []):
        packages = direct | bringing.extras_imply(wanted)
        yield DependencyFile(Evidence(path), "pyproject", packages, direct, besides=tuple(extra))
    yield from _needs_installing(tree, path, table, project)


def _production(groups: Mapping[str, Any]) -> Iterator[str]:
    """The optional dependencies that are meant for a server."""
    for name, wanted in groups.items():
        if name in manifests.PRODUCTION:
            yield from wanted


def _lock_above(tree: Tree, directory: str) -> str | None:
    """The ``uv.lock`` of a project: beside it, or above, where a workspace has it."""
    above = directory
    while not tree.has(join(above, "uv.lock")):
        if above == ".":
            return None
        above = parent(above)
    if above != directory and "[tool.uv.workspace]" not in tree.text(join(above, "pyproject.toml")):
        return None
    return join(above, "uv.lock")


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
        yield lines.normalise(match[1])


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
    poetry = table.get("tool", {}).get("poetry", {})
    name = str(project.get("name") or poetry.get("name", ""))
    if name and poetry.get("package-mode") is not False:
        yield OwnPackage(Evidence(path), name)
    if "entry-points" in project:
        yield NeedsInstalling(Evidence(path), "it declares entry points")
    elif _version_file(table):
        yield NeedsInstalling(Evidence(path), "its build writes a version file")
    elif name:
        wanted = re.compile(
            rb"(?:version|metadata|distribution|files|require)\(\s*[\"']"
            + re.sub(r"[-_.]+", "[-_.]+", name).encode()
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
        names = lines.names_of(wanted)
        packages = names | bringing.implied(names) | bringing.extras_imply(wanted)
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
