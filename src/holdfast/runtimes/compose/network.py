"""The network on which the edge reaches an app's web, with an address of its own for each slot.

Addresses on a project's own networks are Docker's to choose, and change when a container or the
daemon is started again; then the gate would lead nowhere. On a network whose subnet is said, a
container keeps the address that it is given.
"""

from __future__ import annotations

import ipaddress

from holdfast.compose.overrides import LABEL, edge_network
from holdfast.errors import ProcessError
from holdfast.runtimes.compose import api, docker
from holdfast.runtimes.contract import Slot

_HOSTS = {"a": 10, "b": 11}
_EACH = 2
"""Addresses that lie between those of one slot: the web's, then those of what is behind it."""

_TRIES = 5


def address(app: str, slot: Slot, number: int = 0) -> str:
    """The address of a slot's web, or of what is behind it; the network is made if need be.

    Args:
        number: 0 for the web, from 1 for what is behind.

    Raises:
        ProcessError: Docker makes no network.
    """
    name = edge_network(app)
    subnet = _subnet(name)
    for _ in range(_TRIES):
        if subnet is not None:
            return str(ipaddress.ip_network(subnet)[_HOSTS[slot] + _EACH * number])
        _make(app, name)
        subnet = _subnet(name)
    raise ProcessError(f"Docker makes no network {name}", hint="docker network ls shows them")


def make(name: str) -> bool:
    """Make a network that a project expects, as Docker makes one; whether it was missing.

    Raises:
        ProcessError: Docker makes none of that name.
    """
    if api.inspect("network", [name]):
        return False
    docker.call(docker.docker("network", "create", name))
    return True


def _make(app: str, name: str) -> None:
    """Make it where Docker itself finds room: on the second try, with the room of the first."""
    words = ("network", "create", "--internal", f"--label={LABEL}.app={app}")
    docker.tried(docker.docker(*words, name))
    free = _subnet(name)
    docker.tried(docker.docker("network", "rm", name))
    # Another program may take it in between; then the next try finds other room.
    docker.tried(docker.docker(*words, f"--subnet={free}", f"--label={LABEL}.fixed=1", name))


def _subnet(name: str) -> str | None:
    """The first IPv4 subnet of a network; ``None`` without the network."""
    for found in api.inspect("network", [name]):
        for item in found["IPAM"]["Config"] or ():
            if ":" not in item["Subnet"]:
                return str(item["Subnet"])
    return None
