"""``holdfast server`` against a bare test server, and packages fetched once for all of them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.servers.reach import Far
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.destination import Destination
from tests.machines.host import STATE, locked
from tests.machines.machine import CommandFailed, Machine

_ARCHIVES = "var/cache/apt/archives"


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended: its last line of JSON, and all it printed."""

    code: int
    last: dict[str, Any]
    text: str


class Owner:
    """Somebody with a bare server: runs ``holdfast server``, remembers servers in ``state``."""

    def __init__(self, machine: Machine, state: Path) -> None:
        self.machine = machine
        self.state = state
        self.config = machine.ssh_config

    def holdfast(self, *argv: str, config: Path | None = None, timeout: float = 900) -> Ended:
        """``holdfast server ARGV --json``."""
        done = subprocess.run(
            [sys.executable, "-m", "holdfast", "server", *argv, "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            env={
                **os.environ,
                "HOLDFAST_SSH_CONFIG": str(config or self.config),
                "XDG_STATE_HOME": str(self.state),
            },
        )
        text = done.stdout + done.stderr
        lines = done.stdout.splitlines()
        return Ended(done.returncode, json.loads(lines[-1]) if lines else {}, text)

    def setup(self, *argv: str, config: Path | None = None) -> Ended:
        return self.holdfast("setup", f"root@{self.machine.name}", *argv, config=config)

    def sudo(self, *argv: str, timeout: float = 60) -> str:
        """A command as root, logged in as the admin.

        Raises:
            CommandFailed: its status was not 0, or nobody was let in.
        """
        command = self.machine.line("holdfast").command(shlex.join(("sudo", "-n", *argv)))
        done = _run(command, timeout)
        if done.returncode != 0:
            raise CommandFailed(f"{argv}: status {done.returncode}: {done.stdout}")
        return done.stdout

    def refusal(self, user: str, *options: str) -> str:
        """What ssh says when it is not let in; empty if it is."""
        login = ("ssh", "-F", str(self.config), *options, "-l", user, self.machine.name)
        done = _run([*login, "--", "true"], 60)
        return "" if done.returncode == 0 else done.stdout

    @contextmanager
    def far(self) -> Iterator[Far]:
        """The far end, as the admin: what the command itself uses."""
        where = Destination(self.machine.name, "holdfast")
        connection = Connection(where, batch=True, config=self.config)
        try:
            yield Far(connection)
        finally:
            connection.close()


def _run(command: Sequence[str], timeout: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=timeout,
    )


def lend_packages(machine: Machine) -> None:
    """Give a server that is off what apt fetched for an earlier one of its release."""
    kept = STATE / "packages" / machine.release
    with locked(STATE / "packages.lock"):
        for package in kept.glob("*.deb"):
            shutil.copy(package, machine.root / _ARCHIVES / package.name)


def keep_packages(machine: Machine) -> None:
    """Keep what apt fetched; of a package's versions the newest is what apt will ask for."""
    kept = STATE / "packages" / machine.release
    with locked(STATE / "packages.lock"):
        kept.mkdir(parents=True, exist_ok=True)
        for package in (machine.root / _ARCHIVES).glob("*.deb"):
            if not (kept / package.name).exists():
                beside = kept / f".{package.name}"
                shutil.copy(package, beside)
                beside.replace(kept / package.name)


def tree(root: Path) -> dict[str, tuple[int, int, bytes | str]]:
    """Every file below the directories that set-up writes to; logs of logins are left out."""
    found: dict[str, tuple[int, int, bytes | str]] = {}
    for top in ("etc", "home", "opt", "root", "usr", "var"):
        for parent, directories, names in os.walk(root / top):
            for name in (*directories, *names):
                path = Path(parent, name)
                where = path.relative_to(root).as_posix()
                if where.startswith(("var/log/", "var/lib/systemd/", "var/tmp/")):
                    continue
                found[where] = _state(path)
    return found


def _state(path: Path) -> tuple[int, int, bytes | str]:
    entry = path.lstat()
    if path.is_symlink():
        return entry.st_mode, 0, str(path.readlink())
    if path.is_dir():
        return entry.st_mode, 0, b""
    return entry.st_mode, entry.st_size, f"{entry.st_mtime_ns}"
