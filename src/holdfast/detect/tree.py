"""A project's files: listed once, each read at most once, nothing of them run.

Left out is what no developer wrote: ``.git``, virtual environments, ``node_modules``,
caches, files that are huge or binary.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from holdfast.detect import newer
from holdfast.detect.source import Source

SKIPPED = frozenset(
    {
        "__pycache__",
        "node_modules",
        "bower_components",
        "site-packages",
        "venv",
        "virtualenv",
        "env.bak",
        "__pypackages__",
        "htmlcov",
    }
)
"""Names of directories that are never entered; so is every one that starts with a dot."""

PLATFORMS = frozenset({".do", ".ebextensions", ".platform", ".upsun"})
"""But for these, in which other platforms have their settings."""

LARGEST = 1_000_000
"""Bytes; a file above it is data or generated, not something a person wrote."""

MOST_FILES = 50_000
"""Listing stops here: a tree larger than this holds data, and the app is near its top."""


class Tree:
    """The files of one project, by their path relative to its root (``/`` between parts)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._sizes: dict[str, int] = {}
        self._directories: dict[str, None] = {".": None}
        self._within: dict[str, list[str]] = {}
        self._by_name: dict[str, list[tuple[int, str]]] = {}
        self._below: dict[str, list[str]] = {}
        self._bytes: dict[str, bytes] = {}
        self._sources: dict[str, Source | None] = {}
        self._faults: dict[str, SyntaxError] = {}
        self.newer: dict[str, tuple[str, int]] = {}
        """Of the files parsed so far those that ours is too old for: their Python, the line."""
        self._contents: list[tuple[str, bytes]] | None = None
        self._list()
        self._python = tuple(path for path in self._sizes if path.endswith(".py"))

    def _list(self) -> None:
        """Breadth first, so that what is near the top comes first."""
        waiting = ["."]
        for directory in waiting:
            below: list[str] = []
            for entry in self._entries(directory):
                path = entry.name if directory == "." else f"{directory}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if _worth_entering(entry):
                        below.append(path)
                elif entry.is_file() and len(self._sizes) < MOST_FILES:
                    self._sizes[path] = entry.stat().st_size
                    self._by_name.setdefault(entry.name, []).append((len(self._sizes), path))
                    self._within.setdefault(directory, []).append(path)
            waiting += below
            self._below[directory] = below
            self._directories.update(dict.fromkeys(below))

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / directory) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return []

    @property
    def files(self) -> tuple[str, ...]:
        """Every file, those near the top first."""
        return tuple(self._sizes)

    @property
    def python(self) -> tuple[str, ...]:
        """Every Python file, those near the top first."""
        return self._python

    @property
    def directories(self) -> tuple[str, ...]:
        """Every directory, the root (``.``) first, those near it next."""
        return tuple(self._directories)

    def beside(self, directory: str) -> list[str]:
        """The files that lie in a directory itself."""
        return list(self._within.get(directory, ()))

    def folders(self, directory: str) -> list[str]:
        """The directories that lie in a directory itself."""
        return list(self._below.get(directory, ()))

    def has(self, path: str) -> bool:
        return path in self._sizes

    def has_directory(self, path: str) -> bool:
        return path in self._directories

    def named(self, *names: str) -> list[str]:
        """Files whose last part is one of ``names``, those near the top first."""
        found = [item for name in dict.fromkeys(names) for item in self._by_name.get(name, ())]
        return [path for _, path in sorted(found)]

    def read(self, path: str) -> bytes:
        """The file's bytes; empty if it is missing, huge, binary or unreadable."""
        if path not in self._bytes:
            self._bytes[path] = self._load(path)
        return self._bytes[path]

    def _load(self, path: str) -> bytes:
        if self._sizes.get(path, LARGEST + 1) > LARGEST:
            return b""
        try:
            data = _bytes_of(f"{self.root}/{path}")
        except OSError:
            return b""
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            # Windows' PowerShell writes "pip freeze > requirements.txt" as UTF-16.
            return data.decode("utf-16", errors="replace").encode()
        return b"" if b"\0" in data[:4096] else data.removeprefix(b"\xef\xbb\xbf")

    def text(self, path: str) -> str:
        return self.read(path).decode(errors="replace")

    def source(self, path: str) -> Source | None:
        """The parsed Python file, or ``None`` if it does not parse."""
        if path not in self._sources:
            self._sources[path] = self._parse(path)
        return self._sources[path]

    def _parse(self, path: str) -> Source | None:
        data = self.read(path)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # "invalid escape sequence" is not our business
                return Source(path, ast.parse(data))
        except SyntaxError as error:
            if (found := newer.read(data)) is not None:
                self.newer[path] = found[1], error.lineno or 1
                return Source(path, found[0])
            self._faults[path] = error
        except (ValueError, RecursionError, MemoryError):
            pass
        return None

    def fault(self, path: str) -> SyntaxError | None:
        """Why a Python file does not parse; ``None`` if it does."""
        self.source(path)
        return self._faults.get(path)

    def holding(self, *words: bytes) -> Iterator[tuple[str, bytes]]:
        """Python files that hold one of ``words``: path and bytes.

        The loops are spelt out: on a tree of 10,000 files ``any()`` took half a second.
        """
        if self._contents is None:
            self._contents = [(path, self.read(path)) for path in self._python]
        for path, data in self._contents:
            for word in words:
                if word in data:
                    yield path, data
                    break

    def mentioning(self, *words: bytes) -> Iterator[Source]:
        """Parsed Python files that hold one of ``words``.

        Looking for bytes is a hundred times faster than parsing, so on a large tree
        only the few that matter are parsed.
        """
        for path, _ in self.holding(*words):
            source = self.source(path)
            if source is not None:
                yield source


def _bytes_of(path: str) -> bytes:
    """The file's bytes, by plain system calls: half the time of ``Path.read_bytes``."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(descriptor, LARGEST)
    finally:
        os.close(descriptor)


def _worth_entering(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    if (
        (name.startswith(".") and name not in PLATFORMS)
        or name in SKIPPED
        or name.endswith(".egg-info")
    ):
        return False
    return not Path(entry.path, "pyvenv.cfg").exists()


def parent(path: str) -> str:
    """The directory a path lies in, ``.`` for the root."""
    return str(PurePosixPath(path).parent)


def join(directory: str, name: str) -> str:
    """``name`` seen from the root, when it was written in ``directory``; normalised."""
    return os.path.normpath(f"{directory}/{name}")
