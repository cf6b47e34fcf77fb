"""A set-up server: who logs in is not root, and Holdfast's side runs as root through sudo."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast import __version__
from holdfast.errors import TransportError, UsageError
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


def login(server: Machine, user: str, config: Path | None = None) -> SshTransport:
    name = f"{user}@{server.name}"
    config = config or server.ssh_config
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


def test_a_deploy_key(server: Machine, tmp_path: Path) -> None:
    """It is a user's who may start the door for its app through sudo, and nothing else."""
    key = tmp_path / "ci"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ci", "-f", str(key)]
    subprocess.run(argv, check=True, timeout=30)
    config = tmp_path / "config"
    config.write_text(server.ssh_config.read_text().replace(str(server.key), str(key)))
    public = key.with_suffix(".pub").read_text()
    admin = login(server, "keeper")
    try:
        for app in ("notes", "notes"):  # the second time nothing changes
            added = admin.call(Request("key.add", {"app": app, "key": public}), lambda _: None)
        assert added["user"] == "holdfast-deploy"
        ci = login(server, "holdfast-deploy", config)
        try:
            status = ci.call(Request("status", {}), lambda _: None)
            assert status["apps"] == []
            with pytest.raises(UsageError, match="may not ask for env.set"):
                ci.call(Request("env.set", {"app": "notes", "values": {}}), lambda _: None)
        finally:
            ci.connection.close()
        for word in ("id", "sudo -n id", "holdfast-agent exec notes -- id"):
            done = subprocess.run(
                ["ssh", "-F", str(config), f"holdfast-deploy@{server.name}", word],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert done.returncode == 1
            assert "uid=" not in done.stdout
        # Even as that user, without the forced command, nothing but the door for this app.
        door = "/var/lib/holdfast/agent/door"
        others = ([door, "other"], [door, "notes", "x"], [door, "notes", "host"], [door])
        for command in (["id"], *others):
            words = ("runuser", "-u", "holdfast-deploy", "--", "sudo", "-n", "--", *command)
            refused = server.ssh(*words, check=False)
            assert refused.returncode == 1
            assert "uid=" not in refused.stdout
            assert "sudo:" in refused.stderr
        _may_reach_the_server(admin, server, public, config)
        _destroy_takes_it_away(admin, server, public)
        with pytest.raises(TransportError, match="permission denied"):
            login(server, "holdfast-deploy", config).call(Request("hello"), lambda _: None)
    finally:
        admin.connection.close()


def test_words_of_a_command_are_in_no_log(server: Machine) -> None:
    """sudo writes down that a command was run, and not what a person typed."""
    admin = login(server, "keeper")
    admin.call(Request("env.set", {"app": "typed", "values": {"A": "b"}}), lambda _: None)
    assert admin.interactive("typed", ("psql", "planted-words-93"), tty=False) == 3  # no release
    logged = server.ssh("journalctl", "--no-pager", "--all").stdout
    assert "holdfast.agent exec typed" in logged
    assert "planted-words-93" not in logged
    left = server.ssh("sh", "-c", "ls /var/lib/holdfast/apps/typed/incoming").stdout
    assert left == ""


def _may_reach_the_server(admin: SshTransport, server: Machine, public: str, config: Path) -> None:
    """Added again with more rights, it comes in by the door with these."""
    more = {"app": "notes", "key": public, "host": True}
    admin.call(Request("key.add", more), lambda _: None)
    (listed,) = admin.call(Request("key.list", {"app": "notes"}), lambda _: None)["keys"]
    assert listed["host"] is True
    ci = login(server, "holdfast-deploy", config)
    try:
        assert ci.call(Request("status", {}), lambda _: None)["apps"] == []
    finally:
        ci.connection.close()


def _destroy_takes_it_away(admin: SshTransport, server: Machine, public: str) -> None:
    """The key of a removed app opens nothing, nor may its user start the door for it."""
    sudoers = "/etc/sudoers.d/holdfast-deploy"
    assert "door notes" in server.ssh("cat", sudoers).stdout
    admin.call(Request("env.set", {"app": "notes", "values": {"A": "b"}}), lambda _: None)
    told = admin.call(Request("destroy", {"app": "notes", "keep_data": True}), lambda _: None)
    assert len(told["keys"]) == 1
    assert "door notes" not in server.ssh("cat", sudoers).stdout
    assert admin.call(Request("key.list", {"app": "notes"}), lambda _: None)["keys"] == []
