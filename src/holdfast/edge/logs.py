"""The edge's logs are kept small: there is no daemon of ours, so whoever comes by does it."""

from __future__ import annotations

from pathlib import Path

LARGEST = 50 * 1024 * 1024
"""Bytes of a log after which it is put aside."""

KEPT = 3
"""Old ones that are kept: ``NAME.1`` is the newest."""


def too_large(directory: Path, largest: int = LARGEST) -> list[Path]:
    """The logs that are to be put aside."""
    return [log for log in directory.glob("*.log") if _size(log) > largest]


def put_aside(log: Path, kept: int = KEPT) -> None:
    """Rename a log to ``NAME.1``, that to ``NAME.2``, … and forget the oldest.

    nginx writes on into the renamed file until it is told to open its logs again.
    """
    for number in range(kept - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    log.replace(log.with_name(f"{log.name}.1"))


def _size(log: Path) -> int:
    try:
        return log.stat().st_size
    except FileNotFoundError:
        return 0
