"""A user of its own for each app, and whose its directories are.

::

    apps/APP/               root, group hf-APP   0750   nobody else may enter
      env.json, lock, …     root                 0600
      data/ home/ cache/    hf-APP               0700   the app's own
      envs/ run/            hf-APP               0750   environments; sockets, for nginx too
      snapshots/            hf-APP               0700
      incoming/ releases/   root, group hf-APP   0750   in each release src/ is hf-APP's

nginx's workers are in every app's group; no app is in another's.
"""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from holdfast.account import Account
from holdfast.command import Command
from holdfast.errors import CommandFailed, ProcessError
from holdfast.execute import run
from holdfast.layout import AppLayout

_TIMEOUT = 60.0
_LONGEST = 32
"""Characters of a user's name (useradd(8))."""

NGINX_USERS = ("www-data", "nginx")


def user_name(app: str) -> str:
    """``hf-APP``; of a long name the beginning, and what tells it from others."""
    name = f"hf-{app}"
    if len(name) <= _LONGEST:
        return name
    return f"{name[: _LONGEST - 9]}-{hashlib.sha256(app.encode()).hexdigest()[:8]}"


def find(home: AppLayout) -> Account | None:
    """The app's account if there is one."""
    try:
        entry = pwd.getpwnam(user_name(home.name))
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, home.user_home)


def ensure(home: AppLayout) -> Account:
    """Make the app's account and directories what they are to be; both may be there already.

    Raises:
        ProcessError: the user cannot be made.
    """
    account = find(home)
    if account is None:
        name = user_name(home.name)
        _run(add_user(name, home.user_home, group_there=_group(name) is not None))
        account = find(home)
        if account is None:
            raise ProcessError(f"{home.name}: useradd made no user {user_name(home.name)}")
    for user in NGINX_USERS:
        if _exists(user) and user not in grp.getgrgid(account.gid).gr_mem:
            _run(join_group(user, account.name))
    home.make()
    _own_directories(home, account)
    return account


def remove(home: AppLayout) -> None:
    """Remove the app's user and its group; nothing happens if there is none."""
    name = user_name(home.name)
    if find(home) is not None:
        _run(("userdel", name))
    if _group(name) is not None:
        # userdel leaves a group that has other members: nginx is one.
        _run(("groupdel", name))


def _group(name: str) -> grp.struct_group | None:
    try:
        return grp.getgrnam(name)
    except KeyError:
        return None


def add_user(name: str, directory: Path, *, group_there: bool = False) -> tuple[str, ...]:
    """The command that makes a system user with a group of its own, who cannot log in."""
    group = ("--gid", name) if group_there else ("--user-group",)
    return (
        *("useradd", "--system", *group, "--no-create-home", "--no-log-init"),
        *("--home-dir", str(directory), "--shell", "/usr/sbin/nologin"),
        *("--comment", "a Holdfast app", name),
    )


def join_group(user: str, group: str) -> tuple[str, ...]:
    """The command that puts a user into a group."""
    return ("usermod", "--append", "--groups", group, user)


def _own_directories(home: AppLayout, account: Account) -> None:
    for path in (home.user_home, home.cache):
        path.mkdir(mode=0o700, exist_ok=True)
    _give(home.home, 0, account.gid, 0o750)
    for path in (home.incoming, home.releases):
        _give(path, 0, account.gid, 0o750)
    for path in (home.envs, home.run):
        _give(path, account.uid, account.gid, 0o750)
    for path in (home.data, home.snapshots, home.user_home, home.cache):
        # data may have been opened to nginx: see open_data.
        mode = 0o750 if path == home.data and path.stat().st_mode & 0o050 else 0o700
        _give(path, account.uid, account.gid, mode)


def _give(path: Path, uid: int, gid: int, mode: int) -> None:
    """Directories stand in one of root's, so nobody can put a link in their place."""
    there = path.lstat()
    if (there.st_uid, there.st_gid) != (uid, gid):
        os.chown(path, uid, gid, follow_symlinks=False)
    if there.st_mode & 0o7777 != mode:
        path.chmod(mode)


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _run(argv: Iterable[str]) -> None:
    words = tuple(argv)
    try:
        run(Command(words, timeout=_TIMEOUT))
    except CommandFailed as error:
        raise ProcessError(
            f"{error.message}", hint=f"try it by hand: {' '.join(words)}", detail=error.output
        ) from error
