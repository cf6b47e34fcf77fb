"""Root file systems of Debian releases, made once, then kept.

Three of each: ``bare``, as a provider hands a server out, ``prepared``, the bare one with the
packages that Holdfast needs on a server, and ``docker``, the prepared one with Docker. An image is
a directory ``.cache/machines/images/RELEASE-KIND-KEY`` that is only read; its key is a hash of all
it was made of, so a changed recipe, list of packages, mirror or certificate makes a new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from tests.machines import disk, inherit
from tests.machines.host import STATE, locked, run
from tests.machines.inherit import BUNDLE, Inheritance

RELEASES = {"12": "bookworm", "13": "trixie"}

_PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "openssh-server", "python3", "iproute2"),
    *("ca-certificates", "sudo", "nftables"),
)
_RECIPE = 2
"""Count up when :func:`_settle` changes: older images are made again."""

_BUILD_LIMIT = 1500.0
"""Seconds; 45 to 50 on two idle cores, several times that on busy ones."""


PREPARED = (
    *("nginx", "libnginx-mod-http-lua", "lua-cjson", "python3-venv", "rsync", "certbot"),
    *("sudo", "openssh-server", "nftables", "git"),
)
"""What a prepared server has besides; their services are off, so ports 80 and 443 are free."""

_PREPARE_RECIPE = 1
"""As :data:`_RECIPE`, for :func:`_prepare`."""

DOCKER = ("docker.io", "docker-cli", "docker-compose", "docker-buildx")
"""Docker as Debian 13 has it (12 has no Compose 2); it starts when the server boots."""

DOCKER_KEEPS = "/var/lib/docker"
"""Where it keeps images, containers and volumes."""

SUITE = os.environ.get("HOLDFAST_TEST_DOCKER", "")
"""A newer Debian (``testing``) that Docker is taken from instead; the server stays what it is."""

_BELOW = ("containerd", "runc")
"""What Docker runs on, from the same Debian."""


@contextmanager
def image(
    version: str, state: Path = STATE, *, prepared: bool = False, docker: bool = False
) -> Iterator[Path]:
    """The image of Debian "12" or "13", made if need be, kept from removal while inside.

    Args:
        prepared: with the packages :data:`PREPARED`.
        docker: with those and :data:`DOCKER`.
    """
    release, inheritance = RELEASES[version], inherit.read()
    if docker:
        kind = f"{release}-{SUITE}-docker" if SUITE else f"{release}-docker"
        name = f"{kind}-{docker_key(release, inheritance)}"
        with _kept(state, name, lambda part: _add_docker(part, version, state)) as path:
            yield path
        return
    if not prepared:
        name = f"{release}-{key(release, inheritance)}"
        with _kept(state, name, lambda part: _build(part, release, inheritance)) as path:
            yield path
        return
    name = f"{release}-prepared-{prepared_key(release, inheritance)}"
    with _kept(state, name, lambda part: _prepare(part, version, state)) as path:
        yield path


@contextmanager
def _kept(state: Path, name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """An image by its name, made beside if it is missing: it has its name only once it is whole."""
    images = state / "images"
    # Taken before the image is looked at, so that nobody removes it in between.
    with locked(images / f"{name}.used", shared=True):
        if not (images / name).exists():
            # One at a time: two are slower than one after the other.
            with locked(images / f"build{_kind(name)}.lock"):
                if not (images / name).exists():
                    _remove_older(images, name)
                    part = images / f"{name}.part"
                    disk.remove(part)  # what makes it mounts /proc and more, and may be killed
                    make(part)
                    part.rename(images / name)
        yield images / name


def _kind(name: str) -> str:
    """Which lock a build takes: each kind is made out of the one before, while holding its own."""
    return next((kind for kind in ("-docker", "-prepared") if f"{kind}-" in name), "")


def key(release: str, inheritance: Inheritance) -> str:
    """The hash of all a bare image is made of."""
    recipe = json.dumps([_RECIPE, release, _PACKAGES, asdict(inheritance)], sort_keys=True)
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def prepared_key(release: str, inheritance: Inheritance) -> str:
    """The hash of all a prepared image is made of."""
    recipe = json.dumps([key(release, inheritance), _PREPARE_RECIPE, PREPARED])
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def docker_key(release: str, inheritance: Inheritance) -> str:
    """The hash of all an image with Docker is made of."""
    recipe = json.dumps([prepared_key(release, inheritance), DOCKER])
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _remove_older(images: Path, name: str) -> None:
    """Remove other images of the release and kind that nobody uses."""
    kind = name.rpartition("-")[0]
    for used in images.glob(f"{kind}-*.used"):
        if used.stem == name or used.stem.rpartition("-")[0] != kind:
            continue
        with used.open() as file, suppress(BlockingIOError):
            flock(file, LOCK_EX | LOCK_NB)
            shutil.rmtree(used.with_suffix(""), ignore_errors=True)
            used.unlink()


def _prepare(target: Path, version: str, state: Path) -> None:
    """Make a prepared image out of the bare one. A policy keeps apt from starting anything."""
    with image(version, state) as bare:
        run("cp", "-a", "--reflink=auto", bare, target, timeout=300)
    install(target, *PREPARED)
    run("chroot", target, "systemctl", "disable", "nginx.service", "certbot.timer")
    for host_key in (target / "etc/ssh").glob("ssh_host_*"):
        host_key.unlink()
    run("chroot", target, "apt-get", "clean")


def install(target: Path, *packages: str, upgrade: bool = False) -> None:
    """Install packages in a root file system, or bring what is there up to date; nothing of them
    is started."""
    shutil.copy("/etc/resolv.conf", target / "etc/resolv.conf")
    policy = target / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    apt = ("chroot", target, "apt-get", "-q", "-y")
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    run(*apt, "update", timeout=300, env=env)
    verb = "upgrade" if upgrade else "install"
    run(*apt, verb, "--no-install-recommends", *packages, timeout=_BUILD_LIMIT, env=env)
    policy.unlink()


def _add_docker(target: Path, version: str, state: Path) -> None:
    """Make an image with Docker out of the prepared one."""
    with image(version, state, prepared=True) as prepared:
        run("cp", "-a", "--reflink=auto", prepared, target, timeout=300)
    if SUITE:
        _install_newer(target, inherit.read().mirror)
    else:
        install(target, *DOCKER)
    run("chroot", target, "apt-get", "clean")


def _install_newer(target: Path, mirror: str | None) -> None:
    """Install Docker from a newer Debian, and nothing else of that."""
    assert mirror is not None, "this machine's apt sources name no mirror"
    newer = target / "etc/apt/sources.list.d/newer.list"
    pin = target / "etc/apt/preferences.d/newer"
    newer.write_text(f"deb {mirror} {SUITE} main\n")
    pin.write_text(f"Package: *\nPin: release a={SUITE}\nPin-Priority: 100\n")
    install(target, *(f"{name}/{SUITE}" for name in (*DOCKER, *_BELOW)))
    newer.unlink()
    pin.unlink()


def _build(target: Path, release: str, inheritance: Inheritance) -> None:
    """Make a bare image."""
    bootstrap(target, release, _PACKAGES, inheritance)
    _settle(target, release, inheritance)
    # A provider's image is a few weeks old, not as old as the release.
    install(target, upgrade=True)
    run("chroot", target, "apt-get", "clean")


def bootstrap(
    target: Path, release: str, packages: tuple[str, ...], inheritance: Inheritance
) -> None:
    """Make a root file system with the packages and what they need.

    mmdebstrap(1) takes half of the processor time of debootstrap(8).
    """
    mirror = [inheritance.mirror] if inheritance.mirror else []
    # As every Debian 12 and 13 is, from the beginning.
    merged = "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr"
    settings = [f"--aptopt={line}" for line in inheritance.apt.splitlines()]
    words = ("mmdebstrap", "--variant=minbase", merged, f"--include={','.join(packages)}")
    run(*words, *settings, release, target, *mirror, timeout=_BUILD_LIMIT)


def _settle(root: Path, release: str, inheritance: Inheritance) -> None:
    """Make the bare system a server that boots and reaches what this machine reaches."""
    _configure_apt(root, release, inheritance)
    trust(root, inheritance.certificates)
    (root / "etc/pip.conf").write_text(inheritance.pip)
    inherit.give(root, "test-bed", dict(inheritance.variables))
    # Every server makes its own (machine-id(5)); ours get host keys before they boot.
    (root / "etc/machine-id").write_text("")
    for host_key in (root / "etc/ssh").glob("ssh_host_*"):
        host_key.unlink()
    run("chroot", root, "systemctl", "enable", "systemd-networkd")
    # A kernel of its own would not route; a container begins with what this machine's does.
    (root / "etc/sysctl.d/10-test-bed.conf").write_text("net.ipv4.ip_forward = 0\n")
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


def trust(root: Path, wanted: tuple[str, ...]) -> None:
    """Trust what this machine trusts, in a way that outlives an update of ca-certificates."""
    there = set(inherit.certificates([root / BUNDLE.lstrip("/")]))
    local = root / "usr/local/share/ca-certificates"
    local.mkdir(parents=True, exist_ok=True)
    for number, certificate in enumerate(item for item in wanted if item not in there):
        (local / f"test-bed-{number}.crt").write_text(certificate + "\n")
    run("chroot", root, "update-ca-certificates", timeout=300)
