"""Copies of what databases get from the project, under their content's name.

A release is pruned while the database that was started with it still runs; and a path that changed
with each release would have the database made anew each time.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path


def keep(ours: Path, home: Path, source: Path, release: str) -> Path:
    """A copy of a file or directory in ``home``: the same place as long as it is the same.

    Args:
        source: the release's source, where ``ours`` lies.
        release: its id, for a name that nobody else writes to meanwhile.
    """
    place = home / _digest(ours, source)
    if not place.exists():
        beside = home / f".{release}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        copy = shutil.copy2 if ours.is_file() else shutil.copytree
        copy(ours, beside / ours.name)
        beside.rename(place)
    return place / ours.name


def _digest(ours: Path, source: Path) -> str:
    digest = hashlib.sha256()
    for part in [ours] if ours.is_file() else sorted(ours.rglob("*")):
        digest.update(f"{part.relative_to(source)}\0{part.stat().st_mode:o}\0".encode())
        if part.is_file():
            digest.update(part.read_bytes())
    return digest.hexdigest()[:16]
