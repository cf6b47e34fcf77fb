"""Root file systems of Debian releases, as a provider hands a server out: made once, then kept.

An image is a directory ``.cache/machines/images/RELEASE-KEY`` that is only read; its key is a
hash of all it was made of, so a changed recipe, mirror or certificate makes a new one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from tests.machines import inherit
from tests.machines.host import STATE, locked, run
from tests.machines.inherit import BUNDLE, Inheritance

RELEASES = {"12": "bookworm", "13": "trixie"}

_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "iproute2"),
    *("ca-certificates", "sudo", "nftables"),
)
_RECIPE = 1
"""Count up when :func:`_settle` changes: older images are made again."""

_BUILD_LIMIT = 1500.0
"""Seconds; 45 to 50 on two idle cores, several times that on busy ones."""


@contextmanager
def image(version: str, state: Path = STATE) -> Iterator[Path]:
    """The image of Debian "12" or "13", made if need be, kept from removal while inside."""
    inheritance = inherit.read()
    name = f"{RELEASES[version]}-{key(RELEASES[version], inheritance)}"
    images = state / "images"
    # Taken before the image is looked at, so that nobody removes it in between.
    with locked(images / f"{name}.used", shared=True):
        if not (images / name).exists():
            # One debootstrap at a time: two are slower than one after the other.
            with locked(images / "build.lock"):
                if not (images / name).exists():
                    _remove_older(images, RELEASES[version], name)
                    _build(images / name, RELEASES[version], inheritance)
        yield images / name


def key(release: str, inheritance: Inheritance) -> str:
    """The hash of all an image is made of."""
    recipe = json.dumps([_RECIPE, release, _PACKAGES, asdict(inheritance)], sort_keys=True)
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _remove_older(images: Path, release: str, name: str) -> None:
    """Remove other images of the release that nobody uses."""
    for used in images.glob(f"{release}-*.used"):
        if used.stem == name:
            continue
        with used.open() as file, suppress(BlockingIOError):
            flock(file, LOCK_EX | LOCK_NB)
            shutil.rmtree(used.with_suffix(""), ignore_errors=True)
            used.unlink()


def _build(target: Path, release: str, inheritance: Inheritance) -> None:
    """Make an image; it has its name only once it is whole."""
    part = target.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    include = f"--include={','.join(_PACKAGES)}"
    mirror = [inheritance.mirror] if inheritance.mirror else []
    run("debootstrap", "--variant=minbase", include, release, part, *mirror, timeout=_BUILD_LIMIT)
    _settle(part, release, inheritance)
    part.rename(target)


def _settle(root: Path, release: str, inheritance: Inheritance) -> None:
    """Make the bare system a server that boots and reaches what this machine reaches."""
    _configure_apt(root, release, inheritance)
    _trust(root, inheritance.certificates)
    (root / "etc/pip.conf").write_text(inheritance.pip)
    _set_variables(root, inheritance.variables)
    # Every server makes its own (machine-id(5)); ours get host keys before they boot.
    (root / "etc/machine-id").write_text("")
    for host_key in (root / "etc/ssh").glob("ssh_host_*"):
        host_key.unlink()
    run("chroot", root, "systemctl", "enable", "systemd-networkd")
    # There are no modules to load in a container: the system would count as degraded.
    run("chroot", root, "systemctl", "mask", "systemd-modules-load")
    run("chroot", root, "apt-get", "clean")


def _configure_apt(root: Path, release: str, inheritance: Inheritance) -> None:
    if inheritance.apt:
        (root / "etc/apt/apt.conf.d/99test-bed").write_text(inheritance.apt)
    lines = []
    if inheritance.mirror:
        lines += [
            f"deb {inheritance.mirror} {suite} main" for suite in (release, f"{release}-updates")
        ]
    if inheritance.security:
        lines.append(f"deb {inheritance.security} {release}-security main")
    if lines:
        (root / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in lines))


def _trust(root: Path, wanted: tuple[str, ...]) -> None:
    """Trust what this machine trusts, in a way that outlives an update of ca-certificates."""
    there = set(inherit.certificates([root / BUNDLE.lstrip("/")]))
    local = root / "usr/local/share/ca-certificates"
    local.mkdir(parents=True, exist_ok=True)
    for number, certificate in enumerate(item for item in wanted if item not in there):
        (local / f"test-bed-{number}.crt").write_text(certificate + "\n")
    run("chroot", root, "update-ca-certificates", timeout=300)


def _set_variables(root: Path, variables: tuple[tuple[str, str], ...]) -> None:
    """For logins (environment(5), by pam_env) and for services (systemd-system.conf(5))."""
    with (root / "etc/environment").open("a") as file:
        file.writelines(f'{name}="{value}"\n' for name, value in variables)
    drop_in = root / "etc/systemd/system.conf.d/test-bed.conf"
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    pairs = " ".join(f'"{name}={value}"' for name, value in variables)
    drop_in.write_text(f"[Manager]\nDefaultEnvironment={pairs}\n")
