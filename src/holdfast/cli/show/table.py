"""Columns of text. (rich has tables too, but takes longer to import than ``status`` to run.)"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_COLOR = re.compile(r"\x1b\[[0-9;]*m")


def width(text: str) -> int:
    """Columns that a text takes, colours not counted."""
    return len(_COLOR.sub("", text))


def table(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """Lines with the columns of ``rows`` under each other, two blanks between them."""
    whole = [list(row) for row in rows]
    if not whole:
        return []
    widths = [
        max(width(row[column]) for row in whole if column < len(row))
        for column in range(max(len(row) for row in whole))
    ]
    return [
        (
            indent
            + "  ".join(
                cell + " " * (widths[column] - width(cell)) for column, cell in enumerate(row)
            )
        ).rstrip()
        for row in whole
    ]
