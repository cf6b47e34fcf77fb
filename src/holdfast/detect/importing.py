"""From a file to the name it is imported by, and the directory that takes.

``backend/src/notes/app.py`` may be ``app``, ``notes.app``, ``src.notes.app``, …: which
one, its own imports tell. The directory from which most of them are found is the root.
"""

from __future__ import annotations

from holdfast.detect.source import Source
from holdfast.detect.tree import Tree, parent
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
    return Import(module, root, _source_directory(tree, source, root))


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
