"""Small changes to source files; each raises if the file is not as expected."""

from __future__ import annotations

import re
from pathlib import Path


def insert_after(path: Path, anchor: str, new: str) -> None:
    """Put ``new`` (whole lines) after the one line that is ``anchor``, ignoring its indent."""
    _insert(path, anchor, new, after=True)


def insert_before(path: Path, anchor: str, new: str) -> None:
    """Put ``new`` (whole lines) before the one line that is ``anchor``, ignoring its indent."""
    _insert(path, anchor, new, after=False)


def replace(path: Path, old: str, new: str) -> None:
    """Replace the one place where ``old`` stands."""
    text = path.read_text()
    _expect_once(path, old, text.count(old))
    path.write_text(text.replace(old, new))


def append(path: Path, new: str) -> None:
    """Put ``new`` (whole lines) at the end."""
    path.write_text(path.read_text() + new)


def set_version(path: Path, version: str) -> None:
    """Change the line ``VERSION = "…"``."""
    line = re.compile(r'^VERSION = ".*"$', re.MULTILINE)
    text = path.read_text()
    _expect_once(path, line.pattern, len(line.findall(text)))
    path.write_text(line.sub(f'VERSION = "{version}"', text))


def _insert(path: Path, anchor: str, new: str, *, after: bool) -> None:
    lines = path.read_text().splitlines(keepends=True)
    found = [number for number, line in enumerate(lines) if line.strip() == anchor]
    _expect_once(path, anchor, len(found))
    lines.insert(found[0] + after, new)
    path.write_text("".join(lines))


def _expect_once(path: Path, what: str, count: int) -> None:
    if count != 1:
        raise ValueError(f"{path}: {what!r} is expected once, and is there {count} times")
