"""Whom an app's code runs as, where that is not we ourselves; and acting as somebody for a while.

Root that works in an app's directories is in danger: an app that was taken over may put a
symbolic link where root is about to write. So for that long the kernel judges our file accesses
as the app's own (:func:`acting_as`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from holdfast.records import record

P = ParamSpec("P")
T = TypeVar("T")


@record
class Account:
    """A user of this machine and its own group; ``home`` is an absolute path."""

    name: str
    uid: int
    gid: int
    home: Path


@contextmanager
def acting_as(account: Account | None) -> Iterator[None]:
    """Have this thread's file accesses judged as the account's; ``None`` changes nothing.

    setfsuid(2): only this thread, and root's powers over files rest meanwhile
    (capabilities(7), "Effect of user ID changes on capabilities"). Programs that are started
    inside are not affected.
    """
    if account is None:
        yield
        return
    with _identity(account.uid, account.gid):
        yield


def as_ourselves(function: Callable[P, T]) -> Callable[P, T]:
    """The function, called as ourselves also by who is acting as somebody else."""
    if os.geteuid() != 0:
        return function

    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        with _identity(0, 0):
            return function(*args, **kwargs)

    return called


@contextmanager
def _identity(uid: int, gid: int) -> Iterator[None]:
    before = _set(uid, gid)
    try:
        yield
    finally:
        _set(*before)


def _set(uid: int, gid: int) -> tuple[int, int]:
    """Change the identity for file accesses; return what it was.

    Raises:
        PermissionError: the kernel did not do it (setfsuid(2) itself does not say).
    """
    library = _libc()
    # The group first: with another uid we may not change it any more; and back in reverse.
    if uid == 0:
        old_uid, old_gid = library.setfsuid(uid), library.setfsgid(gid)
    else:
        old_gid, old_uid = library.setfsgid(gid), library.setfsuid(uid)
    if library.setfsuid(-1) != uid or library.setfsgid(-1) != gid:
        raise PermissionError(f"file accesses as user {uid} are not possible: not root?")
    return old_uid, old_gid


@cache
def no_new_privileges() -> None:
    """Nothing that we start from here on gets more rights than we give it (prctl(2)).

    Builds, questions to a framework and release commands run an app's code as the app's user:
    for them set-user-id programs (sudo, su, mount) are ordinary ones, as they are in its units.
    """
    if sys.platform.startswith("linux"):
        _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


_PR_SET_NO_NEW_PRIVS = 38
"""linux/prctl.h"""


@cache
def _libc() -> Any:
    import ctypes

    if not sys.platform.startswith("linux"):
        raise PermissionError("file accesses as another user are possible on Linux alone")
    return ctypes.CDLL(None, use_errno=True)
