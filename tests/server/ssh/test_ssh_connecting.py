"""Every way in which a connection fails, with a real sshd and a real ssh."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast import __version__
from holdfast.errors import TransportError
from holdfast.protocol import Request
from holdfast.transport.ssh import SshTransport
from holdfast.transport.ssh.bundle import bundle
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.destination import parse
from holdfast.transport.ssh.installing import install
from tests.conftest import require
from tests.server.ssh.sshd import Sshd


def connection(server: Sshd) -> Connection:
    return Connection(parse("box"), batch=True, config=server.home / "ssh_config")


def refused(server: Sshd) -> TransportError:
    """How the first use of a connection fails."""
    opened = connection(server)
    try:
        with pytest.raises(TransportError) as raised:
            opened.there()
    finally:
        opened.close()
    assert raised.value.message.startswith("box: ")
    return raised.value


def hello(server: Sshd) -> dict[str, object]:
    opened = connection(server)
    try:
        return SshTransport("box", opened).call(Request("hello"), lambda _: None)
    finally:
        opened.close()


def test_an_unknown_host_key_is_not_accepted(sshd: Sshd) -> None:
    """Without a terminal nobody can compare it."""
    (sshd.home / "known_hosts").write_text("")
    assert "host key is not known" in refused(sshd).message
    assert (sshd.home / "known_hosts").read_text() == ""


@pytest.mark.parametrize("checking", ["ask", "no", "accept-new"])
def test_a_changed_host_key_is_never_accepted(sshd: Sshd, checking: str) -> None:
    """Not even where the configuration tells ssh to go on; the old key's line is named."""
    sshd.keygen(sshd.home / "host")
    sshd.know_host()
    before = (sshd.home / "known_hosts").read_text()
    sshd.write_client_config(StrictHostKeyChecking=checking)
    sshd.stop()
    sshd.keygen(sshd.home / "host")
    sshd.start()
    error = refused(sshd)
    assert "has CHANGED" in error.message
    assert f"{sshd.home / 'known_hosts'}, line 1" in error.message
    assert (sshd.home / "known_hosts").read_text() == before


def test_no_key_of_ours_is_taken(sshd: Sshd) -> None:
    """Another key than the one the server knows."""
    sshd.keygen(sshd.home / "user")
    error = refused(sshd)
    assert "permission denied (publickey)" in error.message
    assert "authorized_keys" in (error.hint or "")


def test_nobody_listens(sshd: Sshd) -> None:
    """Refused at once."""
    sshd.stop()
    assert "connection refused" in refused(sshd).message


def test_nobody_answers(sshd: Sshd) -> None:
    """What listens says nothing: given up after the user's own ConnectTimeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        sshd.write_client_config(Port=port, ConnectTimeout="1")
        assert "no answer in time" in refused(sshd).message


def test_no_such_host(sshd: Sshd) -> None:
    """A name that no resolver knows (RFC 6761: .invalid)."""
    sshd.write_client_config(HostName="holdfast.invalid")
    assert "no such host" in refused(sshd).message


def test_a_noisy_login_is_passed_over(sshd: Sshd) -> None:
    """What a login shell prints first is not taken for an answer."""
    kind = (sshd.home / "user.pub").read_text()
    noisy = 'command="echo Welcome; echo {}; eval \\"$SSH_ORIGINAL_COMMAND\\"" '
    (sshd.home / "authorized").write_text(noisy + kind)
    assert hello(sshd)["version"] == __version__


def test_without_python(sshd: Sshd) -> None:
    """The server's own answer is told: which Python it has."""
    old = sshd.home / "bin"
    old.mkdir()
    (old / "python3").write_text("#!/bin/sh\n[ $1 = --version ] && echo Python 3.9.2\nexit 1\n")
    (old / "python3").chmod(0o755)
    for name in ("sh", "id", "readlink", "cat", "env"):
        (old / name).symlink_to(f"/bin/{name}")
    sshd.stop()
    sshd.start(PATH=str(old), HOME=str(sshd.home))  # no ~/.bashrc of ours adds to PATH
    with pytest.raises(TransportError, match=r"has only Python 3\.9\.2; 3\.11 or newer"):
        hello(sshd)


def test_installed_once(sshd: Sshd) -> None:
    """The first command installs, the second finds it; an interrupted one leaves no harm."""
    (sshd.root / "agent" / ".new-scrap").mkdir(parents=True)
    assert hello(sshd)["root"] == str(sshd.root)
    agent = sshd.root / "agent"
    assert (agent / "current").readlink() == Path(bundle().hash)
    made = (agent / bundle().hash).stat().st_mtime_ns
    assert hello(sshd)["version"] == __version__
    assert (agent / bundle().hash).stat().st_mtime_ns == made
    assert not list(agent.glob(".new-*"))


def test_a_server_without_an_index_is_sent_uv(sshd: Sshd) -> None:
    """It cannot fetch uv; it is a machine of our kind, so ours is sent, and runs."""
    sshd.stop()
    sshd.start(PIP_NO_INDEX="1", PIP_CONFIG_FILE="/dev/null", PIP_FIND_LINKS=None)
    assert hello(sshd)["version"] == __version__
    uv = sshd.root / "agent" / "current" / "bin" / "uv"
    done = subprocess.run([uv, "--version"], capture_output=True, timeout=30, check=True)
    assert bundle().uv in done.stdout.decode()


def test_a_newer_server_is_left_alone(sshd: Sshd) -> None:
    """An older command neither runs there nor puts itself in the newer one's place."""
    newer = sshd.root / "agent" / "fedcba9876543210"
    (newer / "bin").mkdir(parents=True)
    (newer / "bin" / "python").symlink_to("/bin/sh")
    (newer / "holdfast.json").write_text(json.dumps({"version": "99.1.0", "protocol": 9}))
    (newer.parent / "current").symlink_to(newer.name)
    with pytest.raises(TransportError, match=r"has Holdfast 99\.1\.0, newer than") as raised:
        hello(sshd)
    assert "upgrade the one here" in (raised.value.hint or "")
    assert (newer.parent / "current").readlink() == Path(newer.name)


@pytest.fixture
def full_disk(sshd: Sshd) -> Iterator[Sshd]:
    """ROOT on a file system of one megabyte."""
    require(os.geteuid() == 0, "root, to mount a small file system")
    sshd.root.mkdir()
    argv = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(sshd.root)]
    mounted = subprocess.run(argv, capture_output=True, timeout=10, check=False)
    require(mounted.returncode == 0, "the right to mount a small file system")
    try:
        yield sshd
    finally:
        subprocess.run(["umount", str(sshd.root)], timeout=10, check=True)


def test_no_room_to_install(full_disk: Sshd) -> None:
    """Said so, and no half installation is left."""
    with pytest.raises(TransportError, match="no space is left on the disk"):
        hello(full_disk)
    assert [path.name for path in (full_disk.root / "agent").iterdir()] == ["lock"]


def test_installing_twice_at_once(sshd: Sshd) -> None:
    """Two commands that both find nothing there: one installs, the other waits and is content."""
    first, second = connection(sshd), connection(sshd)
    try:
        assert first.there().agent is second.there().agent is None
        install(first, bundle())
        install(second, bundle())
    finally:
        first.close()
        second.close()
    assert hello(sshd)["version"] == __version__


def test_nothing_is_left_behind(sshd: Sshd) -> None:
    """The private directory and ssh itself are gone when the connection is closed."""
    opened = connection(sshd)
    opened.there()
    assert opened.lives()
    directory = opened._open.client.directory if opened._open else Path("/")
    assert directory.stat().st_mode & 0o777 == 0o700
    opened.close()
    assert not opened.lives()
    assert not directory.exists()
