"""A tiny project as a release has it, and files as an app writes them there."""

from __future__ import annotations

import os
from pathlib import Path

SHIPPED = frozenset({"app.py", "static/logo.png", "static/site.css"})
SINCE = 1_700_000_000.0


def write(path: Path, text: str, at: float = SINCE + 10) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))
    if at < SINCE:  # no clock can be set back for the time of a change: another name hides it
        os.link(path, path.with_name(f".{path.name}"))
