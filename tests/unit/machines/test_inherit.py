"""What a server takes over from this machine, out of apt's, pip's and the environment's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.machines import inherit

TARGETS = """\
http://one.example/debian/ bookworm
http://one.example/debian/ bookworm-updates
http://two.example/security/ bookworm-security
https://tools.example/ nodistro
"""
ONE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
TWO = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----"


@pytest.mark.parametrize(
    ("codename", "expected"),
    [
        ("bookworm", ("http://one.example/debian", "http://two.example/security")),
        ("trixie", (None, None)),
        (None, (None, None)),
    ],
)
def test_mirrors(codename: str | None, expected: tuple[str | None, str | None]) -> None:
    """The mirror is that of this Debian's own suite; another system has none to hand on."""
    assert inherit.mirrors(TARGETS, codename) == expected


def test_pip_leaves_directories_out() -> None:
    """Indexes go along, the later file wins, what lies on this machine's disk stays here."""
    first = "[global]\nindex-url = https://old.example/simple\ntrusted-host = one.example\n"
    second = (
        "[global]\nindex-url = https://one.example/simple\nfind-links = /srv/wheels\n"
        "extra-index-url = file:///srv/simple https://two.example/simple\n"
    )
    assert inherit.pip_config([first, second, "no section = broken"], {}) == (
        "[global]\n"
        "index-url = https://one.example/simple\n"
        "extra-index-url = https://two.example/simple\n"
        "trusted-host = one.example\n"
    )


def test_pip_variables_win() -> None:
    """A variable of pip counts more than its files, as with pip itself."""
    files = ["[global]\nindex-url = https://old.example/simple\n"]
    variables = {"PIP_INDEX_URL": "https://new.example/simple"}
    assert inherit.pip_config(files, variables) == (
        "[global]\nindex-url = https://new.example/simple\n"
    )


def test_certificate_files(tmp_path: Path) -> None:
    """Every variable that names a file of certificates is found, and nothing else."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(ONE)
    other = tmp_path / "key.pem"
    other.write_text("-----BEGIN PRIVATE KEY-----")
    environment = {
        "SSL_CERT_FILE": str(bundle),
        "SOME_CA_BUNDLE": str(bundle),
        "SSL_CERT_DIR": str(tmp_path),
        "CLIENT_CERT_KEY": str(other),
        "EDITOR": str(bundle),
    }
    assert inherit.certificate_files(environment) == {
        "SSL_CERT_FILE": bundle,
        "SOME_CA_BUNDLE": bundle,
    }


def test_certificates_once(tmp_path: Path) -> None:
    """A certificate in two files is one; a missing file has none."""
    (tmp_path / "a").write_text(f"# one\n{ONE}\n{TWO}\n")
    (tmp_path / "b").write_text(f"{TWO}\n")
    paths = [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    assert inherit.certificates(paths) == (ONE, TWO)
