"""Room on the disk that a deploy keeps for its own undoing.

To bring an old release back, files are written: its process' and the gate. On a disk that
filled up meanwhile that would fail, just when it matters. So a deploy begins by setting a
file of some MB aside, and removes it before anything is undone.
"""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.errors import BuildError
from holdfast.files import free_megabytes, is_full
from holdfast.layout import AppLayout

SIZE = 4 * 1024 * 1024
"""Bytes: what undoing writes is less than 1 MB; the rest is for logs that go on."""

HINT = (
    "make room: holdfast keeps old releases ([deploy] keep = 2 keeps fewer) and packages"
    " (ROOT/cache/uv); the release that serves is not touched"
)


def keep(layout: AppLayout) -> None:
    """Set the room aside; kept already, nothing changes.

    Raises:
        BuildError: there is none: then nothing is begun.
    """
    path = _path(layout)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, SIZE)
        finally:
            os.close(descriptor)
    except OSError as error:
        give_back(layout)
        if is_full(error, layout.home):
            raise BuildError(
                f"the disk is full: {free_megabytes(layout.home)} MB are left for {layout.root}",
                hint=HINT,
            ) from error
        # A file system that cannot set room aside: then there is none.


def give_back(layout: AppLayout) -> bool:
    """Let the room be used; whether there was any."""
    try:
        _path(layout).unlink()
    except OSError:
        return False
    return True


def _path(layout: AppLayout) -> Path:
    return layout.home / "reserve"
