"""The parts of nginx's configuration that TLS adds: what listens, what is said, what is proven."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from holdfast.app import AppSpec
from holdfast.edge.binary import Program
from holdfast.edge.settings import HTTPS, Settings
from holdfast.records import record
from holdfast.tls.store import Installed, Store

CIPHERS = ":".join(
    f"ECDHE-{key}-{suite}"
    for suite in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)
REQUEST_ID = "add_header X-Request-ID $hf_request_id always;"
_INDENT = "\n    "


@record
class Secured:
    """How one app is served over TLS.

    Attributes:
        names: those of its domains that the certificate is for.
        plain: the others; they stay on HTTP.
        hsts: seconds that browsers are told to keep to HTTPS; 0 for nothing told.
    """

    pair: Installed
    names: tuple[str, ...]
    plain: tuple[str, ...]
    hsts: int


def secured(store: Store, settings: Settings, spec: AppSpec) -> Secured | None:
    """How the app is served over TLS; ``None`` while it cannot be."""
    if settings.tls is None or not (spec.tls.acme or spec.tls.certificate):
        return None
    pair = store.installed(spec.name)
    if pair is None:
        return None
    names = tuple(name for name in spec.domains if pair.certificate.covers(name))
    plain = tuple(name for name in spec.domains if name not in names)
    told = store.state().get(spec.name, {}).get("hsts", 0) if spec.tls.hsts else 0
    return Secured(pair, names, plain, int(told)) if names else None


def listen(program: Program, addresses: Sequence[str], *, first: bool) -> str:
    """``listen`` for HTTPS on ``addresses``; ``first`` for the server that is the default."""
    http2 = "" if program.http2_of_servers else " http2"
    default = " default_server" if first else ""
    lines = [f"listen {address} ssl{http2}{default};" for address in addresses]
    if program.http2_of_servers:
        lines.append("http2 on;")
    return " ".join(lines)


def server(found: Secured) -> str:
    """What a server block of the app has besides."""
    pair = found.pair
    lines = [
        f"# Certificate {pair.certificate.fingerprint[:16]}",
        f"ssl_certificate {pair.chain};",
        f"ssl_certificate_key {pair.key};",
        f'set $hf_hsts_wanted "{hsts(found.hsts)}";',
        *_stapling(pair),
        *headers(),
    ]
    return "".join(_INDENT + line for line in lines)


def hsts(seconds: int) -> str:
    """The header's value; empty for none (nginx leaves an empty header out)."""
    return f"max-age={seconds}" if seconds else ""


def headers() -> list[str]:
    """What every answer says; a block with a header of its own has to say all again."""
    return [
        REQUEST_ID,
        "add_header Strict-Transport-Security $hf_hsts always;",
    ]


def _stapling(pair: Installed) -> list[str]:
    """Staple an OCSP answer where the CA still gives one."""
    if pair.certificate.ocsp is None:
        return []
    servers = _nameservers()
    resolver = [f"resolver {' '.join(servers)};"] if servers else []
    return ["ssl_stapling on;", *resolver]


def _nameservers() -> list[str]:
    try:
        lines = Path("/etc/resolv.conf").read_text().splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    found = [word[1] for word in words if len(word) > 1 and word[0] == "nameserver"]
    return [
        f"[{address}]" if ":" in address else address for address in found if "%" not in address
    ]


def redirect_port(settings: Settings) -> str:
    """What stands behind the host in an HTTPS address."""
    return "" if settings.tls == HTTPS else f":{settings.tls}"
