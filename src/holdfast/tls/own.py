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

_LARGEST = 1_000_000
"""Bytes of a file of certificates; one that is larger, or a device, is none."""

_HINT = "[tls] certificate names the site's certificate, in PEM form, and key its private key"


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
        texts = _texts(path, key)
        check(texts[0], texts[1], spec.domains)
        return Outcome(changed=store.install(spec.name, texts[0], texts[1], "own"))
    except CertificateError as error:
        return Outcome(refusal=Refusal("own", error.message, error.hint or _HINT))


def check_files(path: str, key: str, domains: tuple[str, ...]) -> list[str]:
    """As :func:`check`, of files of the server (``server:/path``).

    Raises:
        CertificateError: what is wrong, and which files are meant; nothing of what they hold.
    """
    try:
        return check(*_texts(path, key), domains)
    except CertificateError as error:
        # No detail: it would be of a file that may hold anything.
        raise CertificateError(
            f"[tls] {path} and {key}: {error.message}", hint=error.hint or _HINT
        ) from None


def _texts(path: str, key: str) -> tuple[str, str]:
    return _read(path.removeprefix(ON_SERVER)), _read(key.removeprefix(ON_SERVER))


def _read(path: str) -> str:
    """The file's text; what cannot be a certificate's file is not read, and never told."""
    try:
        found = Path(path)
        if found.exists() and (not found.is_file() or found.stat().st_size > _LARGEST):
            raise CertificateError(f"{path}: is no file of a certificate or a key")
        return found.read_text()
    except UnicodeDecodeError:
        raise CertificateError(f"{path}: is no text, so nothing in PEM form") from None
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read on the server: {error.strerror}") from None


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
