"""The packages of apps under test: downloaded once for a checkout, and compiled once.

In a new environment the first import of a package compiles it, which takes an app with SQLAlchemy
or Django longer than all it does in a test. uv links into an environment what stands in its cache,
compiled modules too: so what has been compiled in one environment is linked into the cache.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from demo.place import Place

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "test-packages"
"""Of places (:func:`demo.place.new_place`)."""

UV_CACHE = CACHE / "uv"
"""What uv is told of it."""

_COMPILED = "__pycache__"


def keep_compiled(env: Path, cache: Path = UV_CACHE) -> None:
    """Link the compiled modules of an environment beside the source that it has from the cache.

    Python takes one for what it is by its source's time and size, which a link keeps (PEP 3147).
    """
    for site in env.glob("lib/python*/site-packages"):
        archives = _by_package(cache)
        for home, directories, _ in os.walk(site):
            if _COMPILED in directories:
                directories.remove(_COMPILED)
                where = Path(home).relative_to(site)
                for archive in archives[where.parts[0] if where.parts else ""]:
                    with suppress(OSError):  # it is another version's, or not to be written
                        _link(Path(home), archive / where)


def keep_compiled_in(place: Place) -> None:
    """Likewise, of all apps of a place whose packages come from :data:`CACHE`."""
    for env in place.root.glob("apps/*/envs/*"):
        keep_compiled(env)


def _by_package(cache: Path) -> Mapping[str, list[Path]]:
    """The unpacked wheels in uv's cache, by what stands in them; all of them by ``""``."""
    found = defaultdict(list)
    for archive in (cache / "archive-v0").glob("*"):
        for name in ("", *(path.name for path in archive.iterdir())):
            found[name].append(archive)
    return found


def _link(before: Path, after: Path) -> None:
    """What of one directory is the same file in both."""
    same = {
        entry.name
        for entry in os.scandir(after)
        if entry.name.endswith(".py") and _same(entry, before / entry.name)
    }
    for entry in os.scandir(before / _COMPILED):
        if f"{entry.name.partition('.')[0]}.py" in same and entry.name.endswith(".pyc"):
            (after / _COMPILED).mkdir(exist_ok=True)
            with suppress(FileExistsError):
                os.link(entry.path, after / _COMPILED / entry.name)


def _same(entry: os.DirEntry[str], other: Path) -> bool:
    try:
        return entry.inode() == other.stat().st_ino
    except OSError:
        return False
