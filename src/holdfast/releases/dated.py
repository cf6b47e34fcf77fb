"""Dependencies as they were when the project was last changed.

Where a list says no versions, the newest of everything are taken, and years later one of them has
dropped what the code imports. What its author had then is known by the day of the commit.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.app import Dependencies, Finding
from holdfast.releases.unpack import committed

if TYPE_CHECKING:
    from holdfast.detect import ImportFailed, Project

YOUNG = timedelta(days=60)
"""What was committed since then has seen the newest versions."""

_KINDS = re.compile(r"(?:Import|ModuleNotFound|Attribute|Type)Error|Pydantic\w+|\w*Removed\w*")
_ALWAYS_NEW = ("setuptools", "wheel", "gunicorn", "uvicorn", "uvicorn-worker", "websockets",
               "uvloop", "httptools", "hypercorn", "granian", "daphne", "waitress")  # fmt: skip
"""What builds packages, and servers, of which ours have a version of their own."""


def as_of(project: Project, error: ImportFailed, archive: Path) -> Project | None:
    """The project with versions of its commit's time, if an import may have failed for new ones.

    ``None`` where it is young, has a lock, or has been tried so already.
    """
    dependencies = project.dependencies
    when = committed(archive)
    if when is None or dependencies.until or dependencies.source == "uv.lock":
        return None
    day = datetime.fromtimestamp(when, UTC)
    own = error.kind == "ModuleNotFoundError" and "." not in (error.module or "")
    if own or not _KINDS.fullmatch(error.kind) or datetime.now(UTC) - day < YOUNG:
        return None
    until = _next_month(day)
    files = dependencies.files or ("the project's dependencies",)
    why = f"the app cannot be imported with the newest versions; {files[0]} may say those it wants"
    finding = Finding("as of", until, why, level="warning")
    changed = replace(dependencies, until=until)
    return replace(project, dependencies=changed, findings=(*project.findings, finding))


def _next_month(day: datetime) -> str:
    """The first day of the month after: commits of one month have one environment."""
    later = day.replace(day=28) + timedelta(days=4)
    return f"{later.year}-{later.month:02}-01"


def options(dependencies: Dependencies) -> Sequence[str]:
    """uv's options that leave later versions out, but for what is always new."""
    if dependencies.until is None:
        return ()
    besides = (f"--exclude-newer-package={name}=2100-01-01" for name in _ALWAYS_NEW)
    return (f"--exclude-newer={dependencies.until}", *besides)
