"""A server: what a test can ask of it, and do to it."""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.machines import disk, network
from tests.machines.container import Container
from tests.machines.disk import Disk
from tests.machines.host import HostError, run
from tests.machines.line import Line
from tests.machines.network import Network

_SSH_FAILED = 255  # ssh(1): the exit status of ssh itself


HOST_KEYS = ("ecdsa", "ed25519")
"""What kinds a server begins with. Not RSA's: it takes longer to make than all else of a server
together, and ``ssh-keygen -A`` on the server makes what is missing."""


class CommandFailed(Exception):
    """A command on a server ended with another status than 0."""


class Unreachable(Exception):
    """ssh did not come through; the message is ssh's."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What ``systemctl is-system-running`` said, and the seconds from power-on until then."""

    state: str
    seconds: float


class Machine:
    """One Debian server. Made by :class:`~tests.machines.bed.Bed`, off at first.

    As a context manager it is removed at the end, with all it wrote.

    Args:
        ipv6_only: it has an IPv6 address and no other, and no way outside.
    """

    def __init__(
        self,
        number: int,
        release: str,
        net: Network,
        directory: Path,
        key: Path,
        *,
        ipv6_only: bool = False,
    ) -> None:
        self.name = f"{net.name}-{number}"
        self.release = release
        self.address6 = net.address6(number)
        self.address: IPv4Address | IPv6Address = (
            self.address6 if ipv6_only else net.address(number)
        )
        self._network = net
        self._directory = directory
        self._disk = Disk(directory)
        self._key = key
        self._container: Container | None = None
        self._lines: dict[str, Line] = {}
        self._started = 0.0

    @property
    def root(self) -> Path:
        """Its root file system, seen from this machine."""
        return self._disk.root

    @property
    def ssh_config(self) -> Path:
        """A config for OpenSSH in which the server goes by its name: ``ssh -F FILE NAME``."""
        return self._directory / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self._directory / "known_hosts"

    @property
    def key(self) -> Path:
        """The private key that root's account lets in."""
        return self._key

    @property
    def console(self) -> str:
        """What it wrote to its console, over all boots."""
        return (self._directory / "console").read_text(errors="replace")

    @property
    def running(self) -> bool:
        return self._container is not None and self._container.running

    def make(self, image: Path, *plain: str) -> None:
        """Give it a disk, an address, host keys and a key that may log in.

        Args:
            plain: paths that lie on no overlay.
        """
        self._disk.make(image)
        for path in plain:
            self._disk.add_plain(path)
        self._give_address()
        self._give_keys()
        self.ssh_config.write_text(_ssh_config(self))

    def _give_address(self) -> None:
        (self.root / "etc/hostname").write_text(f"{self.name}\n")
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 {self.name}\n")
        (self.root / "etc/resolv.conf").unlink(missing_ok=True)
        (self.root / "etc/resolv.conf").write_text(network.resolv_conf())
        # Sorts before 80-container-host0.network, which would ask for DHCP.
        (self.root / "etc/systemd/network/20-test-bed.network").write_text(
            f"[Match]\nName=host0\n\n[Link]\nMTUBytes={self._network.mtu}\n\n[Network]\n"
            f"{self._addresses()}IPv6AcceptRA=no\n"
        )

    def _addresses(self) -> str:
        """As systemd.network(5) has them."""
        net = self._network
        if self.address.version == 6:
            return (
                f"Address={self.address}/64\nIPv6DuplicateAddressDetection=0\n"
                f"Gateway={net.gateway6}\nLinkLocalAddressing=ipv6\n"
            )
        return f"Address={self.address}/24\nGateway={net.gateway}\n"

    def _give_keys(self) -> None:
        for kind in HOST_KEYS:
            path = self.root / f"etc/ssh/ssh_host_{kind}_key"
            run("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"root@{self.name}", "-f", path)
        public = sorted((self.root / "etc/ssh").glob("ssh_host_*_key.pub"))
        lines = [" ".join(path.read_text().split()[:2]) for path in public]
        self.known_hosts.write_text("".join(f"{self.address} {line}\n" for line in lines))
        home = self.root / "root/.ssh"
        home.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(self._key.with_suffix(".pub"), home / "authorized_keys")
        (home / "authorized_keys").chmod(0o600)

    # -- power

    def boot(self) -> None:
        """Switch it on; :meth:`wait_for_boot` says when it serves."""
        assert not self.running, f"{self.name} runs already"
        self.hang_up()
        self._started = time.monotonic()
        console = self._directory / "console"
        self._container = Container(self.name, self.root, self._network.name, console)

    def wait_for_boot(self, timeout: float = 90) -> Boot:
        """Wait until it can be reached and has started all it starts.

        Raises:
            HostError: it went off, or took longer than ``timeout`` seconds.
        """
        while not self._listens():
            if not self.running:
                raise HostError(f"{self.name} went off while it booted: {self.console[-2000:]}")
            if time.monotonic() - self._started > timeout:
                raise HostError(f"no boot in {timeout:g} s: {self.console[-2000:]}")
            time.sleep(0.1)
        # A login before the boot is over is refused (pam_nologin), but not root's.
        words = ("systemctl", "is-system-running", "--wait")
        state = self.ssh(*words, check=False, timeout=timeout).stdout.strip()
        return Boot(state, time.monotonic() - self._started)

    def _listens(self) -> bool:
        try:
            with socket.create_connection((str(self.address), 22), timeout=0.5):
                return True
        except OSError:
            return False

    def crash(self) -> None:
        """Cut the power: nothing in it gets to know, nothing is put in order."""
        assert self._container, f"{self.name} was never booted"
        self._container.kill()
        self.hang_up()

    def stop(self, timeout: float = 30) -> None:
        """Shut it down in order; after ``timeout`` seconds the power is cut."""
        self.hang_up()
        if self._container is not None:
            self._container.power_off(timeout)

    def remove(self) -> None:
        """Cut the power and remove its disk."""
        if self._container is not None:
            self._container.kill()
        for line in self._lines.values():
            line.remove()
        disk.remove(self._directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    # -- commands and files

    def line(self, user: str = "root") -> Line:
        """The connection that commands of a user share."""
        if user not in self._lines:
            self._lines[user] = Line(self.ssh_config, self.name, user)
        return self._lines[user]

    def hang_up(self) -> None:
        """End the connections that commands share: the next one logs in anew."""
        for line in self._lines.values():
            line.hang_up()

    def ssh(
        self, *argv: str, check: bool = True, input: str | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on it as root, over :meth:`line`.

        Args:
            argv: words, which the shell of the server gets quoted.
            timeout: seconds.

        Raises:
            CommandFailed: its status was not 0 (with ``check``).
            Unreachable: ssh itself failed.
            subprocess.TimeoutExpired: it took too long.
        """
        result = subprocess.run(
            self.line().command(shlex.join(argv)),
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=timeout,
            input=input or "",
        )
        if result.returncode == _SSH_FAILED:
            raise Unreachable(f"{self.name}: {result.stderr.strip()}")
        if check and result.returncode != 0:
            said = (result.stdout + result.stderr)[-2000:].strip()
            raise CommandFailed(f"{shlex.join(argv)}: status {result.returncode}: {said}")
        return result

    def put(self, source: Path, target: str) -> None:
        """Copy a file or a directory of this machine to the server, by scp."""
        run("scp", "-F", self.ssh_config, "-q", "-r", source, f"{self.name}:{target}")

    def get(self, source: str, target: Path) -> None:
        """Copy a file or a directory of the server here, by scp."""
        run("scp", "-F", self.ssh_config, "-q", "-r", f"{self.name}:{source}", target)

    # -- faults

    def cut_network(self) -> None:
        """Take its cable out: packets vanish both ways, until :meth:`restore_network`."""
        network.cut(self._network.name, self._cable(), self.address)

    def restore_network(self) -> None:
        """Put the cable back in."""
        network.mend(self._network.name, self._cable(), self.address)

    def _cable(self) -> str:
        port = network.port(self.name)
        if port not in network.ports(self._network.name):
            raise HostError(f"{self.name} has no cable: is it running?")
        return port

    def small_disk(self, path: str, megabytes: int) -> None:
        """Mount a small ext4 file system at a path, on or off; crashes leave it as it is."""
        self._disk.add_small(path, megabytes)


def _ssh_config(machine: Machine) -> str:
    """Our own key and our own known hosts: nothing of the user's, nothing of this machine's."""
    return f"""\
Host {machine.name}
    HostName {machine.address}
    User root
    IdentityFile {machine.key}
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {machine.known_hosts}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
    ConnectTimeout 10
"""
