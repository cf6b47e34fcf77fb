"""A private network for one test process: a bridge, a free subnet, masquerading to the outside."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path

from tests.machines.host import HostError, run

_POOL = IPv4Network("10.128.0.0/9")


@dataclass(frozen=True, slots=True)
class Network:
    """A bridge of this machine and the /24 behind it; this machine is its first address."""

    name: str
    subnet: IPv4Network
    mtu: int

    @property
    def gateway(self) -> IPv4Address:
        return self.subnet[1]

    def address(self, number: int) -> IPv4Address:
        """The address of the server with this number, from 1."""
        return self.subnet[number + 1]

    @property
    def subnet6(self) -> IPv6Network:
        """A /64 of a private network (RFC 4193) that is this one's as surely as the /24 is."""
        second, third = self.subnet.network_address.packed[1:3]
        return IPv6Network(f"fd68:6f6c:{second:x}:{third:x}::/64")

    @property
    def gateway6(self) -> IPv6Address:
        """This machine's own, once :func:`speak_ipv6` has been called."""
        return self.subnet6[1]

    def address6(self, number: int) -> IPv6Address:
        """The IPv6 address of a server that has one."""
        return self.subnet6[number + 1]


def create(name: str) -> Network:
    """Make the network. Call it under a lock: two at once could choose the same subnet.

    Args:
        name: of the bridge and its table in nftables; interface names have 15 bytes at most.
    """
    network = Network(name, choose_subnet(_taken()), _mtu())
    run("ip", "link", "add", name, "type", "bridge")
    run("ip", "address", "add", f"{network.gateway}/24", "dev", name)
    run("ip", "link", "set", name, "up")
    # Left on at the end: others on this machine may have come to need it.
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for rule in _rules(network):
        run("nft", rule)
    _accept_forwarding(name, "-I")
    return network


def speak_ipv6(network: Network) -> None:
    """Give this machine its IPv6 address; it leads nowhere from there. Twice is as good as once."""
    address = f"{network.gateway6}/64"
    run("ip", "-6", "address", "replace", address, "dev", network.name, "nodad")


def port(server: str) -> str:
    """The bridge's end of a server's cable (systemd-nspawn(1), ``--network-bridge``)."""
    return f"vb-{server}"


def unplug(server: str) -> None:
    """Take away the cable of a server that is off.

    It goes with the server's network namespace, which the kernel takes apart some time after the
    last process; a server with containers of its own has more of them, and could not boot until
    then ("Failed to add new veth interfaces: File exists").
    """
    if (Path("/sys/class/net") / port(server)).exists():
        run("ip", "link", "delete", port(server), check=False)


def remove(name: str) -> None:
    """Remove what :func:`create` made, or what is left of it."""
    _accept_forwarding(name, "-D")
    if f"table ip {name}" in run("nft", "list", "tables").splitlines():
        run("nft", f"delete table ip {name}")
    if (Path("/sys/class/net") / name).exists():
        run("ip", "link", "delete", name)


def choose_subnet(taken: Iterable[IPv4Network]) -> IPv4Network:
    """A /24 at random that overlaps nothing taken.

    Raises:
        HostError: none was found.
    """
    held = list(taken)
    for _ in range(1000):
        subnet = IPv4Network((int(_POOL[0]) + random.randrange(1 << 15) * 256, 24))
        if not any(subnet.overlaps(other) for other in held):
            return subnet
    raise HostError(f"no free subnet was found in {_POOL}")


def routed(routes: str, nameservers: str) -> set[IPv4Network]:
    """The networks in ``ip -json route``'s and resolv.conf's words; the default route is none."""
    networks = {IPv4Network(r["dst"]) for r in json.loads(routes) if r["dst"] != "default"}
    for line in nameservers.splitlines():
        keyword, _, value = line.partition(" ")
        if keyword == "nameserver" and ":" not in value:
            networks.add(IPv4Network(value.strip()))
    return networks


def _taken() -> set[IPv4Network]:
    return routed(run("ip", "-json", "-4", "route"), resolv_conf())


def resolv_conf() -> str:
    """This machine's name servers as a server can use them: not the stub on its loopback."""
    path = Path("/etc/resolv.conf")
    behind_stub = Path("/run/systemd/resolve/resolv.conf")
    if "nameserver 127." in path.read_text() and behind_stub.exists():
        path = behind_stub
    return path.read_text()


def _mtu() -> int:
    """Bytes a packet may have on the way outside: a server must know, or large ones vanish."""
    default = json.loads(run("ip", "-json", "-4", "route", "show", "default"))
    if not default:
        return 1500
    return int((Path("/sys/class/net") / default[0]["dev"] / "mtu").read_text())


def _rules(network: Network) -> list[str]:
    table = f"ip {network.name}"
    chain = "{ type nat hook postrouting priority 100; }"
    there = f"ip saddr {network.subnet} oifname != {network.name}"
    return [
        f"add table {table}",
        f"add chain {table} out {chain}",
        f"add rule {table} out {there} masquerade",
    ]


def _accept_forwarding(name: str, verb: str) -> None:
    """Where Docker has set forwarding to DROP, an accepting table of ours does not help."""
    if shutil.which("iptables") is None:
        return
    drops = "-P FORWARD DROP" in run("iptables", "-S", "FORWARD", check=False)
    for side in ("-i", "-o"):
        if drops or verb == "-D":
            run("iptables", verb, "FORWARD", side, name, "-j", "ACCEPT", check=verb == "-I")


def ports(name: str) -> set[str]:
    """The interfaces plugged into the bridge: this machine's ends of the servers' cables."""
    return {path.name for path in (Path("/sys/class/net") / name / "brif").glob("*")}


def cut(bridge: str, port: str, address: IPv4Address | IPv6Address) -> None:
    """Take a server's cable out. What is sent to it vanishes, as on the internet.

    Without the fixed neighbour entry this machine, which stands on the same wire, would notice
    after 3 s that nobody answers, and connections would fail with "no route to host".
    """
    entry = ("lladdr", "02:00:00:00:00:01", "nud", "permanent", "dev", bridge)
    run("ip", "neighbour", "replace", str(address), *entry)
    run("ip", "link", "set", port, "down")


def mend(bridge: str, port: str, address: IPv4Address | IPv6Address) -> None:
    """Put it back; return once packets pass again.

    Raises:
        HostError: they don't, for 10 s.
    """
    run("ip", "link", "set", port, "up")
    run("ip", "neighbour", "delete", str(address), "dev", bridge, check=False)
    state = Path("/sys/class/net") / port / "brport" / "state"
    deadline = time.monotonic() + 10
    while state.read_text().strip() != "3":  # BR_STATE_FORWARDING
        if time.monotonic() > deadline:
            raise HostError(f"{port} was plugged in again and does not forward")
        time.sleep(0.05)
