"""A certificate of the user's own: checked before it is believed."""

from __future__ import annotations

import time
from pathlib import Path

from holdfast.app import AppSpec
from holdfast.errors import CertificateError
from holdfast.tls import certificate
from holdfast.tls.explain import Refusal
from holdfast.tls.outcome import Outcome
from holdfast.tls.store import Store

ON_SERVER = "server:"


def check(chain: str, key: str, domains: tuple[str, ...]) -> list[str]:
    """See that the pair can serve the app.

    Returns:
        what is not wrong but should be known, one line each.

    Raises:
        CertificateError: it is no pair, has ended or not begun, or is for none of the domains.
    """
    found = certificate.read(chain)
    certificate.check_pair(chain, key)
    if found.left() < 0:
        raise CertificateError(
            f"the certificate ended on {day(found.not_after)}", hint="renew it at its CA"
        )
    if found.not_before > time.time():
        raise CertificateError(
            f"the certificate begins on {day(found.not_before)}",
            hint="is the server's clock right?",
        )
    missing = [name for name in domains if not found.covers(name)]
    if len(missing) == len(domains):
        raise CertificateError(
            f"the certificate is for {', '.join(found.names) or 'no host name'},"
            f" not for {', '.join(domains)}",
            hint="take the certificate of these domains, or correct [app] domains",
        )
    notes = [f"the certificate is not for {name}, which stays on HTTP" for name in missing]
    if why := certificate.distrust(chain):
        notes.append(
            f"browsers may not trust the certificate ({why});"
            " the CA's intermediate certificates belong below it in the same file"
        )
    return notes


def attend(store: Store, spec: AppSpec) -> Outcome:
    """Take up files of the server that have changed; a pair that was sent is here already."""
    path, key = spec.tls.certificate or "", spec.tls.key or ""
    if not path.startswith(ON_SERVER):
        return Outcome(refusal=_missing(store, spec))
    try:
        texts = [_read(item.removeprefix(ON_SERVER)) for item in (path, key)]
        check(texts[0], texts[1], spec.domains)
        return Outcome(changed=store.install(spec.name, texts[0], texts[1], "own"))
    except CertificateError as error:
        return Outcome(refusal=Refusal("own", error.message, error.hint or ""))


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CertificateError(
            f"{path}: cannot be read on the server: {error}", hint="[tls] certificate and key"
        ) from None


def _missing(store: Store, spec: AppSpec) -> Refusal | None:
    pair = store.installed(spec.name)
    if pair is None or pair.origin != "own":
        return Refusal(
            "own", "the certificate has not arrived on the server", "holdfast deploy sends it"
        )
    if pair.certificate.left() < 0:
        return Refusal(
            "own",
            f"the certificate ended on {day(pair.certificate.not_after)}",
            "renew it at its CA, then holdfast deploy",
        )
    return None


def day(moment: float) -> str:
    """A date as people write it for others."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment))
