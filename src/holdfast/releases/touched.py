"""What containers have written into a release's own source, which is mounted in them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

BUILT = "override.yaml"
"""What is written into a release's directory last of all, when it is built."""

_LEFT_OUT = frozenset({".git", "node_modules", "__pycache__", ".venv", "venv"})
_MOST = 20_000


def written(mounts: Iterable[Mapping[str, Any]], releases: Path) -> Iterator[str]:
    """The files that are newer than the release they lie in, as a container has them.

    Args:
        mounts: the container's, as ``docker inspect`` has them.
        releases: the directory of the app's releases.
    """
    for mount in mounts:
        source = Path(str(mount.get("Source") or "/"))
        if mount["Type"] != "bind" or not source.is_relative_to(releases):
            continue
        try:
            built = (releases / source.relative_to(releases).parts[0] / BUILT).stat().st_mtime_ns
        except (OSError, IndexError):
            continue
        for path in _newer(source, built):
            inside = Path(str(mount["Destination"])) / path.relative_to(source)
            yield inside.as_posix()


def _newer(top: Path, than: int) -> Iterator[Path]:
    """Those of a directory; what is mounted as a file is one by itself."""
    if top.is_file() and top.stat().st_mtime_ns > than:
        yield top
    seen = 0
    for directory, below, names in os.walk(top):
        below[:] = [name for name in below if name not in _LEFT_OUT]
        for name in names:
            path = Path(directory, name)
            seen += 1
            if seen > _MOST:
                return
            with suppress(FileNotFoundError):  # the container goes on, and takes files away
                if not path.is_symlink() and path.stat().st_mtime_ns > than:
                    yield path
