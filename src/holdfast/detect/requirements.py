"""Requirements files, under all the names people give them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.detect import bringing
from holdfast.detect.facts import DependencyFile, Evidence
from holdfast.detect.lines import cleaned, name_of, names_of, of_table
from holdfast.detect.tree import Tree, join, parent

_PINNED = re.compile(r"===?[^=]|@\s*\S|^-e\s|^\.")
_INCLUDES = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]?\s*(\S+)")
_INDEX = re.compile(
    r"(?:(-i|--index-url)|(-f|--find-links)|(--extra-index-url|--no-index))(?:[ =]\s*(\S+))?$"
)
"""Where packages come from: the rest of a file may be given line by line, and this with it."""
_FILE = re.compile(
    r"(?i)(?:pip[-_]?)?(?:requirements?|reqs?|deps|dependencies)(?:[-_.](.+))?\.(?:txt|in|pip)"
)
_FOLDER = re.compile(r"(?i)requirements?|reqs|deps")
_BEST = ("", "production", "prod", "deploy", "heroku", "server", "live", "base", "common", "main",
         "requirements", "default", "core", "app", "web", "backend")  # fmt: skip
"""Words in a file's name, the best first; the empty one is plain ``requirements.txt``."""

_DEVELOPMENT = re.compile(
    r"(?i)dev|test|doc|lint|local|ci\b|check|style|type|optional|extra|notebook|win|mac|constraint"
)


def best_in(tree: Tree, directory: str) -> str | None:
    """The requirements file of a directory that is meant for a server."""
    found: list[tuple[int, str]] = []
    for path in tree.beside(directory):
        match = _FILE.fullmatch(path.rpartition("/")[2])
        if match:
            found.append((_rank(match[1] or "") + 50 * path.endswith(".in"), path))
    for folder in tree.folders(directory):
        if _FOLDER.fullmatch(folder.rpartition("/")[2]):
            for path in tree.beside(folder):
                stem, _, suffix = path.rpartition("/")[2].rpartition(".")
                if suffix in ("txt", "in", "pip"):
                    found.append((10 + _rank(stem) + 50 * (suffix == "in"), path))
    usable = [item for item in found if item[0] < 100]
    return min(usable)[1] if usable else None


def _rank(word: str) -> int:
    plain = word.lower()
    if plain in _BEST:
        return _BEST.index(plain)
    return 100 if _DEVELOPMENT.search(plain) else 40


def read(tree: Tree, path: str) -> DependencyFile:
    """A requirements file with all that it includes (``-r``, ``-c``).

    Where lines can't be installed as they stand, the others are given one by one.
    """
    lines: list[str] = []
    files: list[str] = []
    _collect(tree, path, lines, files)
    kept = [(line, cleaned(line)) for line in lines]
    usable = [new for _, new in kept if new is not None]
    changed = any(old != new for old, new in kept) or of_table(tree.text(path)) is not None
    direct = names_of(usable)
    return DependencyFile(
        Evidence(path),
        "requirements",
        direct | bringing.implied(direct) | bringing.extras_imply(usable),
        direct,
        (*_indexes(tree, files), *map(_without_hashes, usable)) if changed else (),
        pinned=bool(usable) and all(_PINNED.search(line) for line in usable),
        also=tuple(files[1:]),
        left_out=tuple(name_of(old) or old for old, new in kept if new is None),
    )


def lines_of(tree: Tree, path: str) -> list[str]:
    """The lines of a file and of what it includes that can be installed here."""
    found: list[str] = []
    _collect(tree, path, found, [])
    return [line for line in map(cleaned, found) if line is not None]


def _indexes(tree: Tree, files: list[str]) -> Iterator[str]:
    """The options of requirements files that say where packages come from."""
    for line in (line.strip() for path in files for line in tree.text(path).splitlines()):
        if match := _INDEX.match(line):
            name = "--index-url" if match[1] else "--find-links" if match[2] else match[3]
            yield f"{name}={match[4]}" if match[4] else name


def _without_hashes(line: str) -> str:
    return re.sub(r"\s+--hash[ =]\S+", "", line)


def _collect(tree: Tree, path: str, lines: list[str], files: list[str]) -> None:
    if path in files or not tree.has(path):
        return
    files.append(path)
    table = of_table(tree.text(path))
    if table is not None:
        lines += table
        return
    for raw in re.sub(r"\\\r?\n", " ", tree.text(path)).splitlines():
        line = re.sub(r"(?:^|\s)#.*$", "", raw).strip()
        include = _INCLUDES.match(line)
        if include:
            _collect(tree, join(parent(path), include[1]), lines, files)
        elif line and not (line.startswith("--") or _INDEX.match(line)):
            lines.append(line)
