"""What a certificate says, and whether a pair of files is one: asked of openssl(1).

Python's own ``ssl`` reads a certificate only from a connection; openssl comes with
``ca-certificates``, which every server has that can reach a CA. Keys go in on standard input.
"""

from __future__ import annotations

import re
import tempfile
import time

from holdfast.command import Command
from holdfast.errors import CertificateError, CommandFailed
from holdfast.execute import Completed, run
from holdfast.records import record

_TIMEOUT = 20.0
_BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_ASKED = (
    *("-subject", "-issuer", "-startdate", "-enddate"),
    *("-fingerprint", "-sha256", "-ext", "subjectAltName,authorityInfoAccess"),
)


@record
class Certificate:
    """What matters of one certificate.

    Attributes:
        fingerprint: SHA-256 of it, lower-case hex.
        names: the host names it is for; ``*.example.com`` among them.
        not_before: Unix time, as ``not_after`` is.
        ocsp: the address of its OCSP responder; ``None`` where the CA has none
            (Let's Encrypt ended its own in 2025).
        self_signed: subject and issuer are the same.
    """

    fingerprint: str
    names: tuple[str, ...]
    not_before: float
    not_after: float
    issuer: str
    ocsp: str | None = None
    self_signed: bool = False

    def covers(self, host: str) -> bool:
        """Whether it is for ``host``: by name, or by a wildcard for its last label (RFC 6125)."""
        host = host.lower().rstrip(".")
        _, _, above = host.partition(".")
        return host in self.names or (bool(above) and f"*.{above}" in self.names)

    def left(self, now: float | None = None) -> float:
        """Seconds until it ends; negative once it has."""
        return self.not_after - (time.time() if now is None else now)

    def worn(self, now: float | None = None) -> bool:
        """Whether it is time for a new one: less than a third of its life is left.

        That is Let's Encrypt's own advice, and holds for lives of 90 days and of 6
        (https://letsencrypt.org/docs/integration-guide/).
        """
        return self.left(now) < (self.not_after - self.not_before) / 3


def read(pem: str) -> Certificate:
    """The first certificate of a PEM file's text.

    Raises:
        CertificateError: it is none.
    """
    first = blocks(pem)[:1]
    if not first:
        kind = "a private key" if "PRIVATE KEY" in pem else "no certificate in PEM form"
        raise CertificateError(f"the certificate's file holds {kind}")
    said = _openssl(first[0], "x509", "-noout", *_ASKED)
    if said.returncode:
        raise CertificateError("the certificate cannot be read", detail=said.output)
    return _parsed(said.output)


def blocks(pem: str) -> list[str]:
    """The certificates of a file, one by one."""
    return [block if block.endswith("\n") else block + "\n" for block in _BLOCK.findall(pem)]


def _parsed(said: str) -> Certificate:
    from ssl import cert_time_to_seconds  # late: no other of our commands needs it

    fields = dict(re.findall(r"^(\w[\w .]*?)[ ]*=[ ]*(.*)$", said, re.MULTILINE))
    responder = re.search(r"OCSP - URI:(\S+)", said)
    return Certificate(
        fingerprint=fields["sha256 Fingerprint"].replace(":", "").lower(),
        names=tuple(name.lower() for name in re.findall(r"DNS:([^\s,]+)", said)),
        not_before=float(cert_time_to_seconds(fields["notBefore"])),
        not_after=float(cert_time_to_seconds(fields["notAfter"])),
        issuer=_short(fields.get("issuer", "")),
        ocsp=responder[1] if responder else None,
        self_signed=fields.get("subject") == fields.get("issuer"),
    )


def _short(issuer: str) -> str:
    """``C = US, O = Let's Encrypt, CN = E5`` as ``Let's Encrypt E5``."""
    parts = dict(re.findall(r"\b(O|CN)\s*=\s*(\"[^\"]*\"|[^,]*)", issuer))
    found = [parts[key].strip(' "') for key in ("O", "CN") if parts.get(key)]
    return " ".join(dict.fromkeys(found)) or issuer


def check_pair(pem: str, key: str) -> None:
    """See that the key is the first certificate's.

    Raises:
        CertificateError: it is another's, has a passphrase, or is no key.
    """
    wanted = _openssl(blocks(pem)[0], "x509", "-noout", "-pubkey").output.strip()
    if _public(key) == wanted:
        return
    for number, block in enumerate(blocks(pem)[1:], 2):
        if _openssl(block, "x509", "-noout", "-pubkey").output.strip() == _public(key):
            raise CertificateError(
                f"the private key belongs to certificate {number} of the file, not to the first",
                hint="put the site's own certificate first, the CA's below it",
            )
    raise CertificateError(
        "the private key is not the certificate's",
        hint="take the key with which this certificate was requested",
    )


def _public(key: str) -> str:
    if "PRIVATE KEY" not in key:
        what = "a certificate" if "CERTIFICATE" in key else "no private key in PEM form"
        raise CertificateError(f"the key's file holds {what}")
    if "ENCRYPTED" in key:
        raise CertificateError(
            "the private key has a passphrase, and nobody is there to type it when nginx starts",
            hint="openssl pkey -in WITH.key -out WITHOUT.key",
        )
    said = _openssl(key, "pkey", "-pubout")
    if said.returncode:
        raise CertificateError("the private key cannot be read")
    return said.output.strip()


def distrust(pem: str, now: float | None = None) -> str | None:
    """Why the machine's own trust store does not accept the certificate; ``None`` if it does.

    No error: a CA of one's own is in nobody else's store.
    """
    first, *rest = blocks(pem)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as chain:
        chain.write("".join(rest))
        chain.flush()
        given = ("-untrusted", chain.name) if rest else ()
        at = () if now is None else ("-attime", str(int(now)))
        said = _openssl(first, "verify", *at, *given)
    if said.returncode == 0:
        return None
    found = re.search(r"error \d+ at \d+ depth lookup: (.+)", said.output)
    return found[1].strip() if found else "it cannot be verified"


def _openssl(stdin: str, *arguments: str) -> Completed:
    command = Command(("openssl", *arguments), timeout=_TIMEOUT, stdin=stdin.encode())
    try:
        return run(command, check=False)
    except CommandFailed as error:
        raise CertificateError(
            f"certificates cannot be read: {error.message}", hint="apt-get install openssl"
        ) from error
