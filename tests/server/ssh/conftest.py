"""A server behind SSH, and the planets as a project to deploy there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require
from tests.server.ssh.sshd import SSHD, Sshd

PLANETS = Path(__file__).parents[3] / "examples" / "one-file-flask"


def new_home() -> Path:
    """A short path that nginx's workers may enter."""
    home = Path(tempfile.mkdtemp(prefix="hf", dir="/tmp"))
    home.chmod(0o711)
    return home


def new_sshd() -> Sshd:
    require(SSHD and shutil.which("ssh"), "an SSH server: apt-get install openssh-server")
    return Sshd(new_home())


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    """Started, nothing of Holdfast on it."""
    server = new_sshd()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def deployed() -> Iterator[tuple[Sshd, Path]]:
    """The planets on a server, deployed once; their folder here."""
    require(shutil.which("nginx", path=f"/usr/sbin:{os.environ['PATH']}"), "nginx with Lua")
    server = new_sshd()
    try:
        server.start()
        folder = server.home / "planets"
        shutil.copytree(PLANETS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        first = server.holdfast("deploy", "--domain", "planets.localhost", directory=folder)
        assert first.returncode == 0, first.stdout + first.stderr
        yield server, folder
    finally:
        server.remove()
