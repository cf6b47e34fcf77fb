"""Which host names a certificate can be had for at all."""

from __future__ import annotations

from holdfast.app import AppSpec, Tls

PUBLIC_CA = Tls().directory

_NEVER = (".localhost",)
_PRIVATE = (
    # RFC 6761 and 6762, RFC 8375, ICANN's reservation of .internal (2024), and common habits.
    ".test", ".example", ".invalid", ".local", ".internal", ".home.arpa", ".lan", ".home", ".corp",
)  # fmt: skip


def obtainable(domain: str, directory: str) -> bool:
    """Whether the CA could have a certificate for ``domain``.

    A CA of one's own may know names that nobody else does.
    """
    name = "." + domain.lower().rstrip(".")
    if name.endswith(_NEVER) or domain.startswith("*."):
        return False
    return directory != PUBLIC_CA or ("." in domain and not name.endswith(_PRIVATE))


def wanted(spec: AppSpec) -> tuple[str, ...]:
    """The app's domains that a certificate is asked for."""
    if not spec.tls.acme or spec.tls.certificate:
        return ()
    return tuple(name for name in spec.domains if obtainable(name, spec.tls.directory))


def wants_acme(spec: AppSpec) -> bool:
    """Whether the app's first domain, the real one, is to have a certificate by ACME."""
    return bool(spec.domains) and spec.domains[0] in wanted(spec)
