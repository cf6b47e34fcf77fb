"""Whether a domain leads to this server: where DNS points, and what answers there."""

from __future__ import annotations

import http.client
import ipaddress
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from holdfast.command import Command
from holdfast.errors import CommandFailed
from holdfast.execute import run
from holdfast.records import record
from holdfast.tls import dns

_TIMEOUT = 5.0
CHALLENGES = Path(".well-known/acme-challenge")


@record
class Lead:
    """What was found of one domain.

    Attributes:
        addresses: where DNS points.
        problem: why no CA would find us there; ``None`` if it would.
        hint: what to do.
        certain: false where we cannot know, and the CA has to be asked: behind a NAT a server
            does not know its own public address, and may not reach itself by it.
    """

    domain: str
    addresses: tuple[str, ...] = ()
    problem: str | None = None
    hint: str | None = None
    certain: bool = True


def look(domain: str, webroot: Path, port: int, own: Sequence[str]) -> Lead:
    """Ask DNS for ``domain``, and each of its addresses for a token that only we have.

    Args:
        port: where the edge listens for plain HTTP.
        own: this machine's addresses.
    """
    try:
        found = dns.addresses(domain)
    except dns.NoSuchName:
        found = []
    except dns.Unanswered as error:
        return Lead(domain, (), error.message, "is the server's /etc/resolv.conf right?")
    if not found:
        here = _shown(own) or "this server's address"
        kind = "AAAA" if ":" in here else "A"
        return Lead(
            domain, (), f"{domain} has no address in DNS", f"add an {kind} record: {domain} {here}"
        )
    token = secrets.token_urlsafe(16)
    file = webroot / CHALLENGES / f"holdfast-{token}"
    file.write_text(token)
    file.chmod(0o644)
    try:
        for address in found:
            answer = fetch(address, port, domain, f"/{CHALLENGES}/{file.name}")
            if answer != token:
                return _wrong(domain, tuple(found), address, answer, own)
    finally:
        file.unlink(missing_ok=True)
    return Lead(domain, tuple(found))


def fetch(address: str, port: int, host: str, path: str) -> str:
    """What answers there: the body of a 200, else in words what came instead."""
    connection = http.client.HTTPConnection(address, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path, headers={"Host": host, "Connection": "close"})
        response = connection.getresponse()
        body = response.read(200).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"nothing ({getattr(error, 'strerror', None) or error})"
    finally:
        connection.close()
    return body if response.status == 200 else f"status {response.status}"


def _wrong(
    domain: str, found: tuple[str, ...], address: str, answer: str, own: Sequence[str]
) -> Lead:
    version = ipaddress.ip_address(address).version
    kind = "A" if version == 4 else "AAAA"
    here = _one(own, version)
    if address in own:
        return Lead(
            domain,
            found,
            f"{domain} points here, but plain HTTP at {address} answers {_short(answer)}",
            "is another web server on port 80? holdfast edge status; ss -ltnp",
        )
    if here is None:
        return Lead(
            domain,
            found,
            f"{domain} has the {kind} record {address}, and this server has no IPv{version}",
            _without(domain, kind, _shown(own)),
        )
    certain = not ipaddress.ip_address(address).is_global or any(
        ipaddress.ip_address(item).is_global for item in own if (":" in item) == (version == 6)
    )
    return Lead(
        domain,
        found,
        f"{domain} points to {address}, this server is {here or 'somewhere else'}",
        f"change the {kind} record of {domain}" + (f" to {here}" if here and certain else ""),
        certain,
    )


def _without(domain: str, kind: str, here: str | None) -> str:
    """What to do about a record of the kind of address that this server has none of."""
    if kind == "AAAA":
        return "remove the AAAA record: the CA and many visitors take it before the A record"
    instead = f", and have an AAAA record: {domain} {here}" if here else ""
    return f"remove the A record{instead} (who has no IPv6 does not get here)"


def _short(answer: str) -> str:
    return answer if answer.startswith(("nothing", "status")) else "with another page"


def _one(own: Sequence[str], version: int) -> str | None:
    """The address of this machine that a person would name: a public one before a private."""
    fit = [item for item in _reachable(own) if item.version == version]
    return str(fit[0]) if fit else None


def _shown(own: Sequence[str]) -> str | None:
    """The address that a record should name: IPv4 before IPv6, but a private one (of a NAT, of
    Docker's bridge) only where nothing is public."""
    fit = sorted(_reachable(own), key=lambda item: (not item.is_global, item.version))
    return str(fit[0]) if fit else None


def _reachable(own: Sequence[str]) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Those that others can have a use for, public ones first."""
    mine = [ipaddress.ip_address(item) for item in own]
    fit = [item for item in mine if not (item.is_loopback or item.is_link_local)]
    return sorted(fit, key=lambda item: not item.is_global)


def own_addresses() -> list[str]:
    """This machine's addresses, loopback too (ip(8))."""
    try:
        said = run(Command(("ip", "-json", "address", "show"), timeout=10)).output
        links = json.loads(said)
    except (CommandFailed, ValueError):
        return []
    return [
        info["local"] for link in links for info in link.get("addr_info", ()) if "local" in info
    ]
