"""A server that has an IPv6 address and no IPv4 at all, as the cheapest of some providers.

It reaches the internet through a proxy here, where a provider has NAT64.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machines import network, proxy
from tests.machines.bed import Bed
from tests.machines.setting_up import lend_packages
from tests.machines.zero import NOTES, Laptop, Site, public_ca

ELSEWHERE = Site("elsewhere", "one-file-flask", "elsewhere.zero.test")


@pytest.fixture(scope="module")
def laptop(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """A bare server, switched on, and somebody who has its root's key."""
    home = tmp_path_factory.mktemp("ipv6")
    network.speak_ipv6(bed.network)
    with (
        public_ca(bed, home / "ca", ipv6=True) as ca,
        proxy.proxy(bed.network, home) as outside,
        bed.machine("13", prepared=True, ipv6_only=True) as machine,
    ):
        one = Laptop(machine, ca, home)
        lend_packages(machine)
        one.prepare()
        proxy.use(machine, outside)
        one.point(NOTES)
        machine.boot()
        machine.wait_for_boot()
        assert "inet " not in machine.ssh("ip", "address", "show", "dev", "host0").stdout
        yield one


@pytest.mark.prepares
def test_set_up(laptop: Laptop) -> None:
    """As any other: once, and nothing is changed the second time."""
    first = laptop.setup()
    assert first.code == 0, first.text
    assert laptop.setup().last["result"]["changed"] == []


@pytest.mark.prepares
def test_live_on_https(laptop: Laptop) -> None:
    """The CA comes by IPv6, and so do visitors."""
    ended = laptop.deploy(NOTES)
    assert ended.code == 0, ended.text
    assert f"{NOTES.host} has a certificate and is served over HTTPS" in ended.text
    assert laptop.visit(NOTES).headers["x-app-version"] == laptop.version()


def test_a_record_of_a_kind_it_has_not(laptop: Laptop) -> None:
    """An A record leads visitors away: it is named, and the one to have instead."""
    laptop.ca.point(ELSEWHERE.host, "192.0.2.7")
    ended = laptop.deploy(ELSEWHERE)
    assert ended.code == 0, ended.text
    said = f"{ELSEWHERE.host} has the A record 192.0.2.7, and this server has no IPv4"
    assert said in ended.text, ended.text
    assert f"have an AAAA record: {ELSEWHERE.host} {laptop.machine.address}" in ended.text
    laptop.point(ELSEWHERE)
    assert laptop.holdfast(laptop.folder(ELSEWHERE), "cert", "renew").code == 0
    assert laptop.visit(ELSEWHERE).status == 200
