"""What a test server looks like from the inside and from a neighbour: lynis, systemd, its ports."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bench.harness import BenchError
from tests.machines.machine import Machine

_LYNIS = 900.0
"""Seconds; a scan starts thousands of programs, and takes 60 s on two idle cores."""

_APT = ("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")


@dataclass(frozen=True, slots=True)
class Login:
    """Commands as root on a server: as root itself, later as its admin through sudo."""

    machine: Machine
    user: str = "root"

    def run(self, *argv: str, timeout: float = 120, check: bool = True) -> str:
        """What it printed.

        Raises:
            BenchError: it failed.
        """
        words = argv if self.user == "root" else ("sudo", "-n", "--", *argv)
        where = ("ssh", "-F", str(self.machine.ssh_config), "-l", self.user, self.machine.name)
        done = subprocess.run(
            [*where, "--", shlex.join(words)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            said = (done.stdout + done.stderr)[-1500:]
            raise BenchError(f"{shlex.join(argv)}: status {done.returncode}: {said}")
        return done.stdout


def lynis(login: Login) -> int:
    """The hardening index that the distribution's lynis gives, out of 100."""
    login.run(*_APT, "update", timeout=300)
    login.run(*_APT, "install", "--no-install-recommends", "lynis", timeout=300)
    # Its status tells of warnings; what counts stands in the report.
    login.run("lynis", "audit", "system", "--quick", "--no-colors", timeout=_LYNIS, check=False)
    report = login.run("cat", "/var/log/lynis-report.dat")
    found = re.search(r"^hardening_index=(\d+)$", report, re.MULTILINE)
    if found is None:
        raise BenchError("lynis wrote no hardening index")
    return int(found[1])


def exposures(login: Login, pattern: str) -> dict[str, float]:
    """systemd-analyze security of the running services that match: 0 is best, 10 worst."""
    listed = login.run(
        *("systemctl", "list-units", "--plain", "--no-legend", "--type=service"),
        *("--state=running", pattern),
    )
    found = {}
    for name in [line.split()[0] for line in listed.splitlines()]:
        said = login.run("systemd-analyze", "security", "--no-pager", name, check=False)
        level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
        if level is None:
            raise BenchError(f"systemd-analyze says nothing of {name}: {said[-500:]}")
        found[name] = float(level[1])
    return found


_SCAN = """
import errno, json, select, socket, sys, time
address, found, ports = sys.argv[1], [], list(range(1, 65536))
while ports:
    batch, ports, asking = ports[:800], ports[800:], {}
    poll = select.epoll()
    for port in batch:
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex((address, port))
        asking[one.fileno()] = (one, port)
        poll.register(one, select.EPOLLOUT)
    until = time.monotonic() + 0.8
    while asking and (left := until - time.monotonic()) > 0:
        for number, _ in poll.poll(left):
            one, port = asking.pop(number)
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                found.append(port)
            poll.unregister(one)
            one.close()
    for one, _ in asking.values():
        one.close()
    poll.close()
print(json.dumps(found))
"""


def open_ports(scanner: Login, target: Machine) -> list[int]:
    """The TCP ports, of all there are, that take a connection from another server."""
    said = scanner.run("python3", "-c", _SCAN, str(target.address), timeout=400)
    return sorted(int(port) for port in json.loads(said))


def listening(login: Login) -> list[str]:
    """What listens on more than the server itself, as ``ss`` says; for a person to compare."""
    lines = login.run("ss", "-Hltn").splitlines()
    places = {line.split()[3] for line in lines if len(line.split()) > 3}
    return sorted(place for place in places if not re.match(r"(127\.|\[::1\])", place))


def put_text(login: Login, path: str, text: str) -> None:
    """A small file on a server, as root."""
    login.run("sh", "-c", f"cat >{shlex.quote(path)} <<'END'\n{text}\nEND")


def worst(values: Sequence[float]) -> float:
    """The highest; none is an error of the bench."""
    if not values:
        raise BenchError("nothing was found to be measured")
    return max(values)
