"""Compiled modules carried from one environment to the next.

To compile a whole environment takes longer than to fill it (twenty dependencies: 12 s
against 2 s); to compile what an app imports still takes its first boot 2 s. What was
compiled for the last environment is right for every file that is the same in the new one:
Python looks at the source's time and size (PEP 3147), and uv's hard links keep both.

What an app imports is compiled when it is asked what it is, by who may write here. Its server is
not asked, and its processes may not write: the server is compiled with the environment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from holdfast.command import Command

_CACHE = "__pycache__"
_SERVERS = ("gunicorn", "uvicorn", "h11", "hypercorn", "waitress")
_TIMEOUT = 60.0


def compile_servers(env: Path) -> Command | None:
    """Compiles those web servers of an environment whose modules have not been; ``None`` if
    there is none. gunicorn takes 0.3 s, of every boot."""
    wanted = [
        str(path)
        for home in env.glob("lib/python*/site-packages")
        for name in _SERVERS
        if (path := home / name).is_dir() and not (path / _CACHE).exists()
    ]
    if not wanted:
        return None
    argv = (str(env / "bin" / "python"), "-m", "compileall", "-q", *wanted)
    return Command(argv, timeout=_TIMEOUT, title="compileall")


def carry(old: Path, new: Path) -> int:
    """Link compiled modules of the environment ``old`` into ``new`` where they fit.

    Both have the same interpreter. What does not work is left out: Python compiles it.

    Returns:
        how many were linked.
    """
    count = 0
    for before in old.glob("lib/python*/site-packages"):
        after = new / before.relative_to(old)
        for directory in _directories(before):
            with suppress(OSError):
                count += _link(directory, after / directory.relative_to(before))
    return count


def _directories(top: Path) -> Iterator[Path]:
    for home, directories, _ in os.walk(top):
        if _CACHE in directories:
            directories.remove(_CACHE)
            yield Path(home)


def _link(before: Path, after: Path) -> int:
    """The modules of one package directory; raises OSError where the new one lacks it."""
    count = 0
    there = {entry.name: entry.stat() for entry in os.scandir(after) if entry.name.endswith(".py")}
    cache = after / _CACHE
    for entry in os.scandir(before / _CACHE):
        module = f"{entry.name.partition('.')[0]}.py"
        source = there.get(module)
        if source is None or not entry.name.endswith(".pyc"):
            continue
        earlier = (before / module).stat()
        if (earlier.st_mtime_ns, earlier.st_size) == (source.st_mtime_ns, source.st_size):
            cache.mkdir(exist_ok=True)
            os.link(entry.path, cache / entry.name)
            count += 1
    return count
