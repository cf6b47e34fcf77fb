"""Which subnet a test process gets."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

import pytest

from tests.machines.host import HostError
from tests.machines.network import Network, choose_subnet, routed


def test_subnet_is_free() -> None:
    """Nothing that is routed here is taken, be it larger or smaller than a /24."""
    taken = [IPv4Network("10.128.0.0/10"), IPv4Network("10.200.7.53/32")]
    for _ in range(200):
        subnet = choose_subnet(taken)
        assert subnet.prefixlen == 24
        assert subnet.is_private
        assert not any(subnet.overlaps(other) for other in taken)


def test_no_subnet_is_an_error() -> None:
    """A machine that routes all private addresses gets told so."""
    with pytest.raises(HostError, match="no free subnet"):
        choose_subnet([IPv4Network("10.0.0.0/8")])


def test_routed() -> None:
    """Routes and name servers are taken, the default route is not."""
    routes = json.dumps([{"dst": "default"}, {"dst": "10.1.0.0/16"}, {"dst": "192.0.2.7"}])
    nameservers = "# ours\nsearch example.com\nnameserver 10.9.9.9\nnameserver fd00::1\n"
    assert routed(routes, nameservers) == {
        IPv4Network("10.1.0.0/16"),
        IPv4Network("192.0.2.7/32"),
        IPv4Network("10.9.9.9/32"),
    }


def test_addresses() -> None:
    """This machine is the first address, the servers follow."""
    network = Network("hf", IPv4Network("10.1.2.0/24"), 1500)
    assert [str(network.gateway), str(network.address(1)), str(network.address(2))] == [
        "10.1.2.1",
        "10.1.2.2",
        "10.1.2.3",
    ]
