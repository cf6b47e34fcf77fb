"""A set-up server: who logs in is not root, and Holdfast's side runs as root through sudo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast import __version__
from holdfast.errors import TransportError
from holdfast.protocol import Request
from holdfast.transport.ssh import SshTransport
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.destination import parse
from tests.machines.bed import Bed
from tests.machines.machine import Machine

MARKER = {
    "holdfast": __version__,
    "root": "/var/lib/holdfast",
    "admin": "keeper",
    "set_up": 1795430102,
}


@pytest.fixture(scope="module")
def server(bed: Bed) -> Iterator[Machine]:
    """Set up, as far as logging in goes: an admin with sudo, and a user without."""
    with bed.machine("12", prepared=True) as machine:
        machine.boot()
        machine.wait_for_boot()
        for user in ("keeper", "guest"):
            machine.ssh("useradd", "--create-home", "--shell", "/bin/bash", "-p", "*", user)
            machine.ssh("cp", "-r", "/root/.ssh", f"/home/{user}/.ssh")
            machine.ssh("chown", "-R", f"{user}:", f"/home/{user}/.ssh")
        machine.ssh("tee", "/etc/sudoers.d/keeper", input="keeper ALL=(ALL) NOPASSWD: ALL\n")
        machine.ssh("mkdir", "-p", "/etc/holdfast")
        machine.ssh("tee", "/etc/holdfast/server.json", input=json.dumps(MARKER, indent=2))
        yield machine


def login(server: Machine, user: str) -> SshTransport:
    name = f"{user}@{server.name}"
    config = Path(server.ssh_config)
    return SshTransport(name, Connection(parse(name), batch=True, config=config))


def test_an_admin_becomes_root(server: Machine) -> None:
    """Installed and asked through sudo, in the marker's root directory, which is root's."""
    for _ in ("installed", "found"):
        transport = login(server, "keeper")
        try:
            hello = transport.call(Request("hello"), lambda _: None)
        finally:
            transport.connection.close()
        assert hello["root"] == "/var/lib/holdfast"
    owner = server.ssh("stat", "-c", "%U", "/var/lib/holdfast/agent/current/").stdout.strip()
    assert owner == "root"


def test_a_login_without_sudo(server: Machine) -> None:
    """One clear error that names the admin, whether or not the agent is installed."""
    transport = login(server, "guest")
    try:
        with pytest.raises(TransportError, match="may not use sudo without a password") as raised:
            transport.call(Request("hello"), lambda _: None)
    finally:
        transport.connection.close()
    assert f"keeper@{server.name}" in (raised.value.hint or "")
