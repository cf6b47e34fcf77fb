"""What of a container's own layer somebody would miss: of the paths that it has written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import Literal

USR = r"usr(?!/(?:local/)?(?:src|app)/)"
"""The system's, but for the two places below it where images have an app."""

_DATABASE = re.compile(r"(?!.*(?:celerybeat|thumbs)).+\.(?:sqlite3?|db3?)$", re.IGNORECASE)
_FOLDER = re.compile(r"(?P<top>/(?:[^/]+/)*?(?:media|uploads?|instance))/.+")
_NEVER = re.compile(
    rf"^/(?:tmp|proc|sys|dev|run|etc|{USR}|lib|lib64|bin|sbin|boot)(?:/|$)"
    r"|^/var/(?!lib/|opt/|www/|data/)|^/var/lib/(?:apt|dpkg|systemd)/"
    r"|/(?:__pycache__|node_modules|site-packages|\.?venv|\.git|\.pytest_cache|\.mypy_cache"
    r"|\.cache|\.npm|\.ipython|\.jupyter)(?:/|$)"
    r"|\.(?:pyc|pyo|log|pid|sock|lock|mo|tmp|swp|egg-link)$|/celerybeat[^/]*$|-(?:wal|shm|journal)$"
    r"|\.egg-info(?:/|$)|/\.[^/]*_history$|/nohup\.out$|/\.wget-hsts$|/\.coverage[^/]*$"
)
"""What is made again, or belongs to the system."""

_SELDOM = re.compile(
    r"/(?:staticfiles|static|static_root|assets|dist|build|logs?)(?:/|$)|^/(?:root|home/[^/]+)/\."
)
"""Where hardly anything but a database would be missed."""


_UPLOADED = (
    *(".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".heic", ".pdf", ".epub", ".zip"),
    *(".mp4", ".mov", ".webm", ".mp3", ".wav", ".ogg", ".m4a"),
    *(".doc", ".docx", ".xls", ".xlsx", ".ppt", ".pptx", ".odt", ".ods"),
)
"""What visitors send, and no build makes of code."""


def uploaded(
    paths: Iterable[str], sent: Callable[[str], bool]
) -> Iterator[tuple[str, Literal["file", "directory"]]]:
    """Uploads below the project's own directories, in one of static files, say.

    A whole directory where the project has none there and all that is in it are such files; what
    collects static files puts scripts and styles beside pictures.

    Args:
        sent: whether the project has something at a path.
    """
    tops: dict[str, list[str]] = {}
    for path in paths:
        above = [str(parent) for parent in PurePosixPath(path).parents]
        first = next((number for number, name in enumerate(above) if sent(name)), None)
        if first is not None and not sent(path) and PurePosixPath(path).suffix:
            tops.setdefault([path, *above][first], []).append(path)
    for top, below in tops.items():
        if all(path.lower().endswith(_UPLOADED) for path in below) and not _NEVER.search(top):
            yield top, "file" if below == [top] else "directory"


def kept(paths: Iterable[str]) -> Iterator[tuple[str, Literal["file", "directory"]]]:
    """Databases of SQLite, and folders of uploads, by their names."""
    for path in paths:
        if _NEVER.search(path):
            continue
        if _DATABASE.fullmatch(path):
            yield path, "file"
        elif (found := _FOLDER.fullmatch(path)) and not _SELDOM.search(path):
            yield found["top"], "directory"


def others(paths: Iterable[str]) -> list[str]:
    """The other files that are there, for a person to judge.

    Nothing tells them from directories, but that those have something in them, or no suffix.
    """
    every = sorted(paths)
    known = {path for path, _ in kept(every)}
    left = [
        path
        for path in every
        if PurePosixPath(path).suffix and not (_NEVER.search(path) or _SELDOM.search(path))
    ]
    return [
        path
        for path in left
        if not any(path == one or path.startswith(f"{one}/") for one in known)
        and not any(other.startswith(f"{path}/") for other in every)
    ]
