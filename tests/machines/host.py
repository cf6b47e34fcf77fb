"""This machine as the host of servers: what it must have, and running its programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_SH, flock
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent.parent
STATE = (CHECKOUT / ".cache" / "machines").resolve()
"""Everything of the servers lies here: images, servers, locks. Resolved, since mounts are looked up
by the names that the kernel gives, and ``.cache`` may be a link."""

PACKAGES = {
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ssh": "openssh-client",
    "systemd-nspawn": "systemd-container",
}
"""Programs and the packages of Debian and Ubuntu that have them."""

KEYS = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""With which Debian signs its releases; Ubuntu need not have them."""

_CAP_SYS_ADMIN = 1 << 21  # capabilities(7): mounts and namespaces


class HostError(Exception):
    """A program of this machine failed; the message ends with what it said."""


def run(
    *argv: str | Path,
    check: bool = True,
    timeout: float = 60,
    env: dict[str, str] | None = None,
) -> str:
    """Run a program of this machine; return its standard output.

    Args:
        timeout: seconds.
        env: variables besides our own.

    Raises:
        HostError: it is missing, took too long, or (with ``check``) failed.
    """
    words = [str(word) for word in argv]
    try:
        result = subprocess.run(
            words,
            capture_output=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=timeout,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f"{words[0]}: {error}") from error
    if check and result.returncode != 0:
        said = (result.stdout[-2000:] + result.stderr[-2000:]).decode(errors="replace").strip()
        raise HostError(f"{' '.join(words)}: status {result.returncode}: {said}")
    return result.stdout.decode(errors="replace")


def missing() -> list[str]:
    """The packages whose programs are not here."""
    found = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    return found if KEYS.exists() else [*found, "debian-archive-keyring"]


def prepare() -> None:
    """Install what is missing; nothing to do most often.

    Raises:
        HostError: this machine can host no servers, or apt-get failed; it names the packages.
    """
    if not may_host():
        raise HostError("test servers take root with the right to mount (systemd-nspawn)")
    if packages := missing():
        try:
            install(packages)
        except HostError as error:
            raise HostError(f"apt-get install {' '.join(packages)}: {error}") from error


def install(packages: Sequence[str]) -> None:
    """Install packages of the distribution, as bin/test does: nothing is started.

    Raises:
        HostError: apt-get failed.
    """
    script = (
        '. "$0"; find_python; take_lock; install_packages "$@" || { cat "$SETUP_LOG"; exit 1; }'
    )
    run("/bin/sh", "-c", script, CHECKOUT / "bin" / "_setup", *packages, timeout=600)


def may_host() -> bool:
    """Are we root, with the right to mount (an ordinary container's root has not)?"""
    if os.geteuid() != 0:
        return False
    status = Path("/proc/self/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) & _CAP_SYS_ADMIN)


@contextmanager
def locked(path: Path, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock while inside; the kernel gives it back however we end (flock(2))."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        flock(file, LOCK_SH if shared else LOCK_EX)
        yield
