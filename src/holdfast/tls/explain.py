"""What a CA's refusal means, and what to do about it.

The kinds are those of RFC 8555, 6.7: certbot prints them for each domain, and has them in its
log as the CA sent them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from holdfast.records import record

HOUR = 3600.0

_BY_DOMAIN = re.compile(r"Domain:\s*(\S+)\s+Type:\s*(\S+)\s+Detail:\s*(.+)")
_URN = "urn:ietf:params:acme:error:"
_PROBLEM = re.compile(rf'"type":\s*"{_URN}(\w+)",?\s*(?:\\n\s*)?"detail":\s*"((?:[^"\\]|\\.)*)"')
_SAID = re.compile(rf"{_URN}(\w+) ::[^:]*:: (.+)")
_RETRY = re.compile(r"retry after (\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)", re.IGNORECASE)
_RETRY_HEADER = re.compile(r"^Retry-After: (\d+)", re.MULTILINE)


@record
class Refusal:
    """Why there is no certificate.

    Attributes:
        kind: the CA's word for it, or ours: ``unreachable``, ``client``, ``pointing``.
        wait: seconds after which asking again makes sense; ``None`` where nobody said.
    """

    kind: str
    message: str
    hint: str
    wait: float | None = None


def no_client() -> Refusal:
    return Refusal("client", "certbot is not installed", "apt-get install certbot")


def explain(output: str, log: str, names: Sequence[str], now: float | None = None) -> Refusal:
    """The refusal in what certbot printed and logged."""
    moment = time.time() if now is None else now
    if found := _BY_DOMAIN.search(output):
        return _named(found[2], found[3].strip(), found[1], log, moment)
    problems = [item for item in _problems(output, log) if item[0] != "badNonce"]
    if problems:
        kind, detail = problems[-1]
        return _named(kind, detail, _domain(detail, names), log, moment)
    if re.search(r"requests\.exceptions|urllib3\.exceptions|Connection(Error| refused)", output):
        return Refusal("unreachable", *_UNREACHABLE)
    lines = [line.strip() for line in output.splitlines()]
    told = [line for line in lines if line and not line.startswith(_NOISE)]
    return Refusal(
        "client",
        f"certbot failed: {told[-1] if told else 'it does not say why'}",
        "its log: ROOT/tls/acme/logs/letsencrypt.log on the server",
    )


_NOISE = ("Ask for help", "Saving debug log", "See the logfile")

_UNREACHABLE = (
    "the CA cannot be reached from this server",
    "does the server reach the internet on port 443? it is asked again by itself",
)


def _problems(output: str, log: str) -> list[tuple[str, str]]:
    return [(found[0], found[1]) for text in (log, output) for found in _either(text)]


def _either(text: str) -> list[tuple[str, str]]:
    return [*_PROBLEM.findall(text), *_SAID.findall(text)]


def _domain(detail: str, names: Sequence[str]) -> str:
    return next((name for name in names if name in detail), names[0] if names else "the domain")


def _named(kind: str, detail: str, domain: str, log: str, now: float) -> Refusal:
    detail = detail.replace('\\"', '"').replace("\\n", " ").strip()
    told = _TOLD.get(kind)
    if told is None:
        return Refusal(kind, f"{domain}: the CA refuses ({kind}): {detail}", _LOG)
    message, hint = (text.format(domain=domain, detail=detail) for text in told)
    return Refusal(kind, message, hint, _wait(kind, detail, log, now))


_LOG = "what was said: ROOT/tls/acme/logs/letsencrypt.log on the server"

_TOLD = {
    "rateLimited": (
        "the CA has had too many requests for {domain}: {detail}",
        "nothing to do: it is asked again when its pause is over",
    ),
    "caa": (
        "{domain}: a CAA record in DNS does not allow this CA: {detail}",
        'let it: add the CAA record  {domain}  0 issue "letsencrypt.org", or remove the others',
    ),
    "dns": (
        "{domain}: the CA gets no answer from DNS: {detail}",
        "does the name exist for the whole internet? (new records take minutes; DNSSEC must fit)",
    ),
    "connection": (
        "{domain}: the CA cannot reach port 80: {detail}",
        "open port 80 to the internet: the provider's firewall or security group, a router",
    ),
    "unauthorized": (
        "{domain}: the CA reached another server, or one that answers otherwise: {detail}",
        "A and AAAA records must both lead here; a proxy in front must pass the challenge on",
    ),
    "incorrectResponse": (
        "{domain}: the CA got another answer than ours: {detail}",
        "A and AAAA records must both lead here",
    ),
    "tls": (
        "{domain}: the CA was redirected to HTTPS that does not work: {detail}",
        "what redirects /.well-known/acme-challenge/ in front of this server?",
    ),
    "rejectedIdentifier": (
        "{domain}: the CA gives no certificate for this name: {detail}",
        "is it a name of the public internet? [tls] certificate takes one of your own",
    ),
    "unsupportedIdentifier": (
        "{domain}: the CA gives no certificate for such names: {detail}",
        "[tls] certificate takes one of your own",
    ),
    "invalidContact": (
        "the CA refuses the e-mail address: {detail}",
        "correct [tls] email, or leave it out",
    ),
    "unsupportedContact": (
        "the CA refuses the e-mail address: {detail}",
        "correct [tls] email, or leave it out",
    ),
    "externalAccountRequired": (
        "this CA wants an account that you have made with it: {detail}",
        "choose another [tls] directory, or a certificate of your own",
    ),
    "userActionRequired": (
        "the CA wants something of its account's owner: {detail}",
        "do what it says; then holdfast cert renew",
    ),
    "serverInternal": (
        "the CA has a fault of its own: {detail}",
        "nothing to do: it is asked again by itself",
    ),
}


def _wait(kind: str, detail: str, log: str, now: float) -> float | None:
    """When the CA wants to be asked again: in its words, or its header (RFC 8555, 6.6)."""
    if kind != "rateLimited":
        return None
    if found := _RETRY.search(detail):
        at = datetime.fromisoformat(found[1].replace(" ", "T")).replace(tzinfo=UTC).timestamp()
        return max(at - now, 60.0)
    seconds = _RETRY_HEADER.findall(log)
    return max(float(seconds[-1]), 60.0) if seconds else HOUR
