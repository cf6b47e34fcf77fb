"""An ordinary user of the server, who owns nothing but a home."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.protocol import Request
from holdfast.transport.ssh import SshTransport
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.destination import parse
from tests.conftest import require
from tests.server.ssh.conftest import new_home
from tests.server.ssh.sshd import SSHD, Sshd


@pytest.fixture
def user() -> Iterator[str]:
    """A new account with a home, gone after the test."""
    require(SSHD and os.geteuid() == 0 and shutil.which("useradd"), "root, and openssh-server")
    name = f"hf{secrets.token_hex(4)}"
    argv = ["useradd", "--create-home", "--shell", "/bin/sh", "--password", "*", name]
    subprocess.run(argv, check=True, timeout=30)
    try:
        yield name
    finally:
        # Ours at the far end goes when it finds nobody there; userdel wants that over.
        wait = f"until ! pgrep -u {name} >/dev/null; do sleep 0.05; done; userdel --remove {name}"
        subprocess.run(["/bin/sh", "-c", wait], check=True, timeout=30, capture_output=True)


def test_all_is_below_the_home(user: str) -> None:
    """Without HOLDFAST_ROOT the far shell and the far Python agree where ROOT is."""
    server = Sshd(new_home(), user)
    connection = Connection(parse("box"), batch=True, config=server.home / "ssh_config")
    try:
        server.start(HOLDFAST_ROOT=None)
        hello = SshTransport("box", connection).call(Request("hello"), lambda _: None)
        root = Path(pwd.getpwnam(user).pw_dir) / ".local/share/holdfast"
        assert hello["root"] == str(root)
        assert connection.there().root == str(root)
        assert root.owner() == user
        assert (root / "agent" / "current" / "bin" / "uv").exists()
    finally:
        connection.close()
        server.remove()
