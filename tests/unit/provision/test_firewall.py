"""The firewall's rules and what else decides what gets in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.provision.facts import File, Unit, parse
from holdfast.provision.operations.firewall import UFW, rules
from holdfast.provision.plan import choose
from tests.unit.provision.test_plan import items, recorded

ROUTES = """\
default via 10.0.0.1 dev eth0 proto dhcp src 10.0.0.9 metric 100
10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.9
default dev wg0 table 51820 scope link
default metric 20 \\\tnexthop via 10.1.0.1 dev br-ex weight 1 \\\tnexthop via 10.2.0.1 dev eth1
unreachable default dev lo proto kernel metric 4294967295
"""


def test_interfaces_that_lead_out() -> None:
    """Of every table, and of routes with several ways."""
    assert parse.uplinks(ROUTES) == ("br-ex", "eth0", "eth1", "wg0")


def test_who_comes_from_the_internet_is_not_inside() -> None:
    """A bridge that the card is in, or a tunnel with the public address, counts as the outside."""
    facts = recorded("debian-12-set-up")
    usual = rules(facts, choose({}, facts))
    assert rules(replace(facts, uplinks=("eth0",)), choose({}, facts)) == usual
    assert "return" not in usual
    other = replace(facts, uplinks=("br-ex", "eth0", "wg0"))
    lines = [line.strip() for line in rules(other, choose({}, facts)).splitlines()]
    assert lines.index('iifname { "br-ex", "wg0" } return') < lines.index('iifname "lo" accept')
    assert str(items(other)["firewall"].state) == "change"


@pytest.mark.parametrize(
    ("text", "on"), [("ENABLED=yes\nLOGLEVEL=low\n", True), ("# ENABLED=yes\nENABLED=no\n", False)]
)
def test_another_firewall_is_named(text: str, on: bool) -> None:
    """What ufw or firewalld drops stays dropped: the site would be out of reach."""
    facts = recorded("debian-12-set-up")
    ufw = replace(facts, files={**facts.files, UFW: File(0o644, text)})
    assert bool(items(ufw)["firewall"].manual) == on
    unit = Unit("enabled", "active" if on else "inactive")
    firewalld = replace(facts, units={**facts.units, "firewalld.service": unit})
    assert bool(items(firewalld)["firewall"].manual) == on


def test_where_systemd_holds_the_sockets_of_ssh() -> None:
    """Ubuntu since 22.10: sshd is started anew, and the socket stays."""
    facts = recorded("debian-13-bare")
    assert "run systemctl try-reload-or-restart ssh.service" in _ssh(facts.units["ssh.socket"])
    assert "run systemctl try-restart ssh.service" in _ssh(Unit("enabled", "active"))


def _ssh(socket: Unit) -> list[str]:
    facts = recorded("debian-13-bare")
    facts = replace(facts, units={**facts.units, "ssh.socket": socket})
    said: list[str] = items(facts)["ssh"].to_json()["actions"]
    return said
