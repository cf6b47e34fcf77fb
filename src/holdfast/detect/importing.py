"""From a file to the name it is imported by, and the directory that takes.

``backend/src/notes/app.py`` may be ``app``, ``notes.app``, ``src.notes.app``, …: which
one, its own imports tell. The directory from which most of them are found is the root.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree, join, parent
from holdfast.records import record

_SOURCE_DIRECTORIES = ("src", "lib")


@record
class Import:
    """How a file is imported: its module's name, from which directory, with what path besides."""

    module: str
    directory: str
    pythonpath: tuple[str, ...]


def how(tree: Tree, source: Source) -> Import:
    """How a server imports a file of the tree."""
    root = import_root(tree, source)
    relative = source.path if root == "." else source.path[len(root) + 1 :]
    parts = relative.removesuffix(".py").split("/")
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    module = ".".join(parts)
    if root.rpartition("/")[2] in _SOURCE_DIRECTORIES:
        # A "src" layout is run from above it: relative paths in the code count from there.
        return Import(module, parent(root), (root.rpartition("/")[2],))
    directory = reads_from(tree, source, root)
    if directory != root:
        return Import(module, directory, (os.path.relpath(root, directory),))
    return Import(module, root, _source_directory(tree, source, root))


_PATH = re.compile(r"(?:\./)?[\w -]+(?:/[\w. -]+)*\.[a-z]\w{1,6}|(?:\./)?[\w-]+/[\w/-]*")


def reads_from(tree: Tree, source: Source, usual: str) -> str:
    """The directory from which the relative paths in a file are found: the usual one, or above.

    ``StaticFiles(directory="app/static")`` in ``app/main.py`` was written to be run above it.
    """
    written = {said for node in source.nodes if _PATH.fullmatch(said := text(node) or "")}
    written |= set(_folders(source))
    if not written or usual == ".":
        return usual
    above = [usual]
    while above[-1] != ".":
        above.append(parent(above[-1]))
    return max(
        above, key=lambda directory: (_there(tree, directory, written), -above.index(directory))
    )


_TAKES_FOLDER = ("StaticFiles", "Jinja2Templates", "FileSystemLoader", "listdir", "scandir")


def _folders(source: Source) -> Iterator[str]:
    """What is a folder by where it stands: ``StaticFiles(directory="static")``."""
    for call, name in source.calls():
        if name.rpartition(".")[2] in _TAKES_FOLDER and (found := argument(call, 0, "directory")):
            yield from filter(None, [text(found)])


def _there(tree: Tree, directory: str, written: set[str]) -> int:
    paths = [join(directory, path.removeprefix("./").rstrip("/")) for path in written]
    return sum(tree.has(path) or tree.has_directory(path) for path in paths)


def _source_directory(tree: Tree, source: Source, root: str) -> tuple[str, ...]:
    """``src`` where a ``wsgi.py`` above it imports what lies there, and nothing else has it."""
    missed = [name for name in source.imported_modules if not _found(tree, root, name)]
    return tuple(
        name
        for name in _SOURCE_DIRECTORIES
        if any(_found(tree, name if root == "." else f"{root}/{name}", item) for item in missed)
    )


def import_root(tree: Tree, source: Source) -> str:
    """The directory from which the file's own imports are found; ``.`` is the tree's root."""
    candidates = _ancestors(source.path)
    least = _least_depth(source)
    possible = candidates[least:] or candidates[-1:]
    usual = _by_packages(tree, source.path)
    return max(
        possible,
        key=lambda root: (
            sum(_found(tree, root, module) for module in source.imported_modules),
            root == usual,
            root.count("/") if root != "." else -1,
        ),
    )


def _ancestors(path: str) -> list[str]:
    """The directories above a file, its own first."""
    found = [parent(path)]
    while found[-1] != ".":
        found.append(parent(found[-1]))
    return found


def _least_depth(source: Source) -> int:
    """How many directories up the root is at least: the file is in that many packages."""
    is_package = source.path.endswith("__init__.py")
    return max(source.imports_relatively, int(is_package and "/" in source.path))


def _by_packages(tree: Tree, path: str) -> str:
    """The first directory above that is no package."""
    directory = parent(path)
    while directory != "." and tree.has(f"{directory}/__init__.py"):
        directory = parent(directory)
    return directory


def _found(tree: Tree, root: str, module: str) -> bool:
    """Whether an absolute import is found in ``root``."""
    base = "" if root == "." else f"{root}/"
    path = base + module.replace(".", "/")
    top = base + module.partition(".")[0]
    if "." in module:
        return tree.has(f"{path}.py") or tree.has_directory(path)
    return tree.has(f"{top}.py") or tree.has(f"{top}/__init__.py")
