"""The firewall: SSH, HTTP, HTTPS, and what was asked for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from holdfast.admitted import matches
from holdfast.provision.facts import Facts
from holdfast.provision.facts.gather import Look
from holdfast.provision.facts.netfilter import RULES
from holdfast.provision.model import Item, Phase, Run, Settings
from holdfast.provision.operations.common import WRITTEN, on, ports, template, wants_file

UNIT = "holdfast-firewall.service"
UNIT_FILE = f"/etc/systemd/system/{UNIT}"

UFW = "/etc/ufw/ufw.conf"
FIREWALLD = "firewalld.service"
_UFW_ON = re.compile(r"^\s*ENABLED=[\"']?yes", re.MULTILINE | re.IGNORECASE)

LOOK = Look(files=frozenset({RULES, UNIT_FILE, UFW}), units=frozenset({UNIT, FIREWALLD}))

_WEB = (80, 443)


def firewall(facts: Facts, settings: Settings) -> Item:
    """A table of our own; nobody else's is touched."""
    text = rules(facts, settings)
    strays = facts.firewall_strays or ()
    loaded = facts.firewall == digest(text) and on(facts, UNIT) and not strays
    files = (
        *wants_file(facts, RULES, text),
        *wants_file(facts, UNIT_FILE, WRITTEN + template(UNIT)),
    )
    load = (
        Run(("systemctl", "daemon-reload")),
        Run(("systemctl", "enable", UNIT)),
        Run(("systemctl", "restart", UNIT)),
    )
    named = ", ".join(str(port) for port in sorted({*ssh_ports(facts), *_tcp(settings)}))
    return Item(
        key="firewall",
        title=f"Firewall: let in {named}, 443/udp; new SSH connections at a limited rate",
        why="what listens without your knowing cannot be reached, also if Docker publishes it",
        source="nft(8); RFC 4890 (ICMPv6); docs.docker.com Packet filtering; lynis FIRE-4590",
        actions=() if loaded and not files else (*files, *load),
        phase=Phase.GUARDED,
        note="; ".join(filter(None, (_closed(facts, settings), _unknown(facts)))),
        manual=tuple(_others(facts)),
        differs=strays,
    )


def rules(facts: Facts, settings: Settings) -> str:
    """The file for nft; its hash is in it, so that what is loaded can be told from it."""
    values = {
        "@SSH@": ssh_ports(facts),
        "@TCP@": _tcp(settings),
        "@UDP@": {443, *ports(settings.open, "udp")},
    }
    text = template("firewall.nft").replace("@UPLINKS@\n", _uplinks(facts))
    for name, numbers in values.items():
        text = text.replace(name, ", ".join(str(number) for number in sorted(numbers)))
    return text.replace("@HASH@", digest(text))


_INSIDE = re.compile(r'^\t\tiifname "(.+)" accept$', re.MULTILINE)


def _uplinks(facts: Facts) -> str:
    """The line that takes the way to the internet out of what counts as inside: a bridge that the
    network card is in, a tunnel with the server's public address."""
    inside = _INSIDE.findall(template("firewall.nft"))
    names = [name for name in facts.uplinks if any(matches(one, name) for one in inside)]
    if not names:
        return ""
    named = ", ".join(f'"{name}"' for name in names)
    return f"\t\t# The internet comes by it.\n\t\tiifname {{ {named} }} return\n"


def digest(text: str) -> str:
    """Of rules, with their own hash in them or not yet."""
    lines = [line for line in text.splitlines() if 'comment "holdfast' not in line]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def ssh_ports(facts: Facts) -> set[int]:
    """Where sshd is told to listen, and where this very connection came in."""
    told = {int(port) for port in facts.sshd.get("port", "").split()}
    return (told | ({facts.ssh_port} if facts.ssh_port else set())) or {22}


def _tcp(settings: Settings) -> set[int]:
    return {*_WEB, *ports(settings.open, "tcp")}


def _others(facts: Facts) -> Iterator[str]:
    """Firewalls of others: what one of two drops is dropped (nft(8))."""
    ours = f"what it does not let in stays out, and {RULES} does its work"
    if _UFW_ON.search(facts.text(UFW) or ""):
        yield f"ufw is on as well: {ours}: sudo ufw disable, or sudo ufw allow 80,443/tcp"
    firewalld = facts.units.get(FIREWALLD)
    if firewalld is not None and firewalld.active == "active":
        allow = (
            "sudo firewall-cmd --permanent --add-service={http,https} && sudo firewall-cmd --reload"
        )
        off = f"sudo systemctl disable --now {FIREWALLD}"
        yield f"firewalld is on as well: {ours}: {off}, or {allow}"


def _unknown(facts: Facts) -> str:
    """Said where rules that somebody put into our table would not be seen."""
    if not facts.firewall or facts.firewall_strays is not None:
        return ""
    return f"whether what is loaded is what {RULES} says cannot be told here (unshare --net fails)"


def _closed(facts: Facts, settings: Settings) -> str:
    """What can be reached now and will not be: for a person to know before."""
    allowed = {("tcp", port) for port in ssh_ports(facts) | _tcp(settings)}
    allowed |= {("udp", port) for port in {443, 68, 546, *ports(settings.open, "udp")}}
    lost = [item for item in facts.listeners if (item.protocol, item.port) not in allowed]
    names = [
        f"{item.port}/{item.protocol}" + (f" ({item.process})" if item.process else "")
        for item in lost
    ]
    return (
        f"no longer reachable from outside: {', '.join(names)}; --open keeps one" if names else ""
    )
