"""A server as some providers hand it out: nobody logs in as root, sshd has another port, and only
its IPv6 address is known."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.machines import network
from tests.machines.bed import Bed
from tests.machines.machine import Machine
from tests.machines.setting_up import lend_packages

PORT = 2222
LONGEST = 600.0

# As cloud-init leaves root's keys: whoever comes with one is told to come as somebody else.
_IMAGE = r"""
set -e
useradd --create-home --shell /bin/bash -p '*' debian
install -d -m 700 -o debian -g debian /home/debian/.ssh
install -m 600 -o debian -g debian /root/.ssh/authorized_keys /home/debian/.ssh/authorized_keys
echo 'debian ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/90-cloud-init-users
told='Please login as the user \\"debian\\" rather than the user \\"root\\".'
sed -i "s|^|no-port-forwarding,no-agent-forwarding,command=\"echo '$told';echo;exit 142\" |" \
    /root/.ssh/authorized_keys
echo 'Port PORT' > /etc/ssh/sshd_config.d/50-provider.conf
systemctl restart ssh
"""


@dataclass(frozen=True, slots=True)
class Laptop:
    """Somebody who has the server's IPv6 address and its key."""

    address: str
    home: Path

    def server(self, user: str) -> str:
        return f"{user}@[{self.address}]:{PORT}"

    def holdfast(self, *words: str, code: int = 0) -> dict[str, Any]:
        """The last line of a command, which must end with ``code``."""
        done = subprocess.run(
            [sys.executable, "-m", "holdfast", *words, "--json"],
            cwd=self.home,
            env={
                **os.environ,
                "HOLDFAST_SSH_CONFIG": str(self.home / "ssh_config"),
                "XDG_STATE_HOME": str(self.home / "state"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST,
        )
        assert done.returncode == code, done.stdout[-2000:] + done.stderr[-2000:]
        last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        answer: dict[str, Any] = last["error" if code else "result"]
        return answer


def connect(machine: Machine, bed: Bed) -> str:
    """Give the server an IPv6 address beside the other, of the network that this machine is in."""
    network.speak_ipv6(bed.network)
    address = machine.address6
    machine.ssh("ip", "-6", "address", "add", f"{address}/64", "dev", "host0", "nodad")
    return str(address)


@pytest.fixture(scope="module")
def laptop(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    home = tmp_path_factory.mktemp("laptop")
    with bed.machine("13", prepared=True) as machine:
        lend_packages(machine)
        machine.boot()
        machine.wait_for_boot()
        address = connect(machine, bed)
        named = f"[{address}]:{PORT} "
        keys = machine.known_hosts.read_text().replace(f"{machine.address} ", named)
        (home / "known_hosts").write_text(keys)
        (home / "ssh_config").write_text(
            f"Host *\n    IdentityFile {machine.key}\n    IdentitiesOnly yes\n"
            f"    IdentityAgent none\n    UserKnownHostsFile {home / 'known_hosts'}\n"
            "    GlobalKnownHostsFile /dev/null\n    AddressFamily inet6\n"
        )
        machine.ssh("sh", "-c", _IMAGE.replace("PORT", str(PORT)))
        yield Laptop(address, home)


def test_root_is_sent_to_the_admin(laptop: Laptop) -> None:
    """The message names whom the image lets in."""
    error = laptop.holdfast("server", "setup", laptop.server("root"), "--yes", code=10)
    assert "lets nobody in as root" in error["message"]
    assert f"debian@[{laptop.address}]:{PORT}" in error["hint"]


def test_set_up(laptop: Laptop) -> None:
    """The provider's admin stays the admin, sshd's port stays open; the second time nothing
    changes; all of it by IPv6."""
    first = laptop.holdfast("server", "setup", laptop.server("debian"), "--yes")
    assert first["admin"] == "debian"
    assert {"firewall", "ssh"} <= set(first["changed"])
    assert laptop.holdfast("server", "setup", laptop.server("debian"), "--yes")["changed"] == []
    with pytest.raises(OSError, match="timed out"):
        socket.create_connection((laptop.address, 22), timeout=1.5)
    assert laptop.address in json.dumps(laptop.holdfast("server", "list"))
