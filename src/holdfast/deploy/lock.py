"""One engine an app: a lock that the kernel gives back when its holder dies (flock(2))."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.errors import Busy


@contextmanager
def deploy_lock(path: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the lock file ``path``.

    Args:
        wait: seconds to wait for whoever holds it.

    Raises:
        Busy: somebody still holds it.
    """
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + wait
        while not _try(descriptor):
            if time.monotonic() >= deadline:
                raise Busy(
                    f"{path.parent.name}: its engine is at work",
                    hint="holdfast deploy --follow shows what it does",
                )
            time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock now."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try(descriptor)
    finally:
        os.close(descriptor)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
