"""Certificates for tests, made by openssl(1): an authority, and pairs that it signed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path


def openssl(*arguments: str, stdin: str = "") -> str:
    """What openssl prints; a failure is the test's."""
    done = subprocess.run(
        ["openssl", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with what stands above it, and its key; PEM text."""

    chain: str
    key: str


def new_key() -> str:
    return openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


class Authority:
    """A CA of the test's own, in a directory."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._key, self.certificate = home / "ca.key", home / "ca.pem"
        self._config, self._index = home / "ca.cnf", home / "index.txt"
        self._key.write_text(new_key())
        openssl(
            *("req", "-x509", "-new", "-key", str(self._key), "-subj", "/O=Test/CN=Test CA"),
            *("-days", "3650", "-out", str(self.certificate)),
        )

    def pair(
        self,
        *names: str,
        days: float = 90,
        age: float = 0,
        key: str | None = None,
        ocsp: str | None = None,
        ip: str | None = None,
    ) -> Pair:
        """A pair for ``names``, made ``age`` days ago, with ``days`` left; negative: ended."""
        key = key or new_key()
        home = self._key.parent
        (home / "leaf.key").write_text(key)
        request = openssl("req", "-new", "-key", str(home / "leaf.key"), "-subj", "/")
        (home / "leaf.csr").write_text(request)
        extensions = "subjectAltName=" + ",".join(f"DNS:{name}" for name in names)
        if ip:
            extensions += f",IP:{ip}"
        if ocsp:
            extensions += f"\nauthorityInfoAccess=OCSP;URI:{ocsp}"
        (home / "leaf.ext").write_text(f"[leaf]\n{extensions}\n")
        self._index.write_text("")
        self._config.write_text(
            f"[ca]\ndefault_ca=one\n[one]\ndatabase={self._index}\nrand_serial=yes\n"
            f"new_certs_dir={home}\ndefault_md=sha256\npolicy=any\nunique_subject=no\n[any]\n"
        )
        now = datetime.now(UTC)
        first = now - timedelta(days=age, minutes=5 if age == 0 else 0)
        last = now + timedelta(days=days)
        openssl(
            *(
                "ca",
                "-batch",
                "-notext",
                "-config",
                str(self._config),
                "-in",
                str(home / "leaf.csr"),
            ),
            *("-keyfile", str(self._key), "-cert", str(self.certificate)),
            *("-startdate", f"{min(first, last - timedelta(days=1)):%Y%m%d%H%M%SZ}"),
            *("-enddate", f"{last:%Y%m%d%H%M%SZ}", "-extensions", "leaf"),
            *("-extfile", str(home / "leaf.ext"), "-out", str(home / "leaf.pem")),
        )
        return Pair((home / "leaf.pem").read_text() + self.certificate.read_text(), key)
