"""Which files of a project are read when its app is imported, as far as imports say.

A variable that a script for chores wants is no reason to refuse a deploy; one that the
settings want is. Lines are matched, not parsed: a few hundred files in a tenth of a second.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from holdfast.detect.tree import Tree, join, parent

_IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)"
    rb"|import[ \t]+([\w., ]+))",
    re.MULTILINE,
)
_MOST = 400
"""Files; a chain of imports longer than that is a product's, and all of it is likely read."""


def reached(tree: Tree, first: Iterable[str], roots: Iterable[str]) -> frozenset[str]:
    """The files that importing ``first`` imports, themselves among them.

    Args:
        roots: directories that modules are imported from.
    """
    bases = tuple(dict.fromkeys(roots))
    waiting = [path for path in dict.fromkeys(first) if tree.has(path)]
    found = dict.fromkeys(waiting)
    for path in waiting:
        if len(found) > _MOST:
            break
        for module in _imported(path, tree.read(path)):
            for file in _files(tree, module, (*bases, parent(path))):
                if file not in found:
                    found[file] = None
                    waiting.append(file)
    return frozenset(found)


def _imported(path: str, data: bytes) -> Iterator[str]:
    """Modules as paths without a suffix; those of relative imports begin with ``/``."""
    for match in _IMPORT.finditer(data):
        if match[3]:
            for item in match[3].decode(errors="replace").split(","):
                yield item.split(" as ")[0].strip().replace(".", "/")
            continue
        origin = match[1].decode(errors="replace")
        names = re.findall(r"(\w+)(?:\s+as\s+\w+)?", match[2].decode(errors="replace"))
        base = origin.lstrip(".").replace(".", "/")
        dots = len(origin) - len(origin.lstrip("."))
        if dots:
            home = parent(path)
            for _ in range(dots - 1):
                home = parent(home)
            base = "/" + join(home, base) if base else "/" + home
        if base:
            yield base
        for name in names:
            yield f"{base}/{name}"


def _files(tree: Tree, module: str, bases: Iterable[str]) -> Iterator[str]:
    """The module's file and those of the packages it lies in."""
    for base in (".",) if module.startswith("/") else bases:
        path = join(base, module.lstrip("/")) if module.strip("/") else base
        for name in (f"{path}.py", f"{path}/__init__.py"):
            if tree.has(name):
                yield name
                above = parent(name)
                while above != "." and tree.has(f"{above}/__init__.py"):
                    yield f"{above}/__init__.py"
                    above = parent(above)
                return
