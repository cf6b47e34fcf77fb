"""Certificates of one's own: what is taken, and what each wrong one is told. By real openssl."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from holdfast.errors import CertificateError
from holdfast.tls import certificate, dns, domains, proof
from holdfast.tls.own import check, check_files
from holdfast.tls.store import Store
from tests.certificates import Authority, Pair, new_key, openssl

APP = ("app.example.com", "www.app.example.com")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def good(authority: Authority) -> Pair:
    return authority.pair(*APP)


def test_what_a_certificate_says(authority: Authority) -> None:
    """Names, life, issuer, and the responder if it has one."""
    found = certificate.read(authority.pair(*APP, ocsp="http://ocsp.example.com").chain)
    assert found.names == APP
    assert found.issuer == "Test Test CA"
    assert found.ocsp == "http://ocsp.example.com"
    assert 89 * 86400 < found.left() <= 90 * 86400
    assert not found.worn()
    assert found.worn(found.not_after - 86400)
    assert certificate.read(authority.pair("a.example.com").chain).ocsp is None


def test_wildcards(authority: Authority) -> None:
    """One label, and not the name itself."""
    found = certificate.read(authority.pair("*.example.com").chain)
    assert found.covers("app.example.com")
    assert not found.covers("example.com")
    assert not found.covers("a.b.example.com")


def test_a_good_pair_is_taken(good: Pair) -> None:
    """A CA that this machine does not know is a note, no error."""
    notes = check(good.chain, good.key, APP)
    assert len(notes) == 1
    assert "browsers may not trust the certificate" in notes[0]


def test_names_that_are_missing_are_told(authority: Authority) -> None:
    """One of two domains is a note; none is an error that names both sides."""
    pair = authority.pair("app.example.com")
    assert "not for www.app.example.com, which stays on HTTP" in check(pair.chain, pair.key, APP)[0]
    with pytest.raises(CertificateError, match=r"is for app\.example\.com, not for other"):
        check(pair.chain, pair.key, ("other.example.com",))


def test_wrong_pairs(authority: Authority, good: Pair) -> None:
    """Each has one sentence that says which."""
    other = authority.pair(*APP)
    leaf, above = certificate.blocks(good.chain)
    locked = openssl("pkey", "-aes256", "-passout", "pass:secret", stdin=good.key)
    ended = authority.pair(*APP, days=-2, age=60)
    for chain, key, words in (
        (good.chain, other.key, "the private key is not the certificate's"),
        (above + leaf, good.key, "belongs to certificate 2 of the file"),
        (good.key, good.key, "the certificate's file holds a private key"),
        ("hello", good.key, "holds no certificate in PEM form"),
        (good.chain, good.chain, "the key's file holds a certificate"),
        (good.chain, "hello", "no private key in PEM form"),
        (good.chain, locked, "has a passphrase"),
        (ended.chain, ended.key, "the certificate ended on"),
    ):
        with pytest.raises(CertificateError) as caught:
            check(chain, key, APP)
        assert words in caught.value.message
        assert good.key.splitlines()[1] not in f"{caught.value.message}{caught.value.detail}"


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (b"root:$y$j9T$secret:20000::::::\n", "the certificate's file holds no certificate in PEM"),
        (b"\xffsecret", "is no text"),
        (b"-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n", "cannot be read"),
        (b"secret" * 200_000, "is no file of a certificate"),
        (None, "cannot be read on the server: No such file"),
    ],
)
def test_a_file_of_the_server_that_is_no_certificate(
    tmp_path: Path, good: Pair, held: bytes | None, told: str
) -> None:
    """It is named with what is wrong and what is meant; nothing that it holds is shown."""
    wrong, key = tmp_path / "wrong", tmp_path / "app.key"
    key.write_text(good.key)
    if held is not None:
        wrong.write_bytes(held)
    with pytest.raises(CertificateError) as raised:
        check_files(f"server:{wrong}", f"server:{key}", APP)
    assert f"[tls] server:{wrong} and server:{key}: " in raised.value.message
    assert told in raised.value.message
    assert raised.value.hint
    assert "secret" not in f"{raised.value.message}{raised.value.hint}{raised.value.detail}"


def test_files_of_the_server_that_are_a_pair(tmp_path: Path, good: Pair) -> None:
    """They are taken."""
    chain, key = tmp_path / "app.pem", tmp_path / "app.key"
    chain.write_text(good.chain)
    key.write_text(good.key)
    said = check_files(f"server:{chain}", f"server:{key}", APP)
    assert said == check(good.chain, good.key, APP)


def test_the_store_keeps_pairs_whole(tmp_path: Path, authority: Authority) -> None:
    """A pair is a directory; the last two are kept, and the same one again changes nothing."""
    store = Store(tmp_path / "tls")
    key = new_key()
    pairs = [authority.pair("a.example.com", key=key) for _ in range(4)]
    assert [store.install("a", pair.chain, pair.key, "own") for pair in pairs] == [True] * 4
    assert not store.install("a", pairs[-1].chain, key, "own")
    found = store.installed("a")
    assert found is not None
    assert found.chain.read_text() == pairs[-1].chain
    kept = [path for path in (tmp_path / "tls/certs/a").iterdir() if not path.is_symlink()]
    assert len(kept) == 2
    store.forget("a")
    assert store.installed("a") is None


@pytest.mark.parametrize(
    ("domain", "possible"),
    [
        ("app.example.com", True),
        ("app.localhost", False),
        ("app.test", False),
        ("app.internal", False),
        ("intranet", False),
        ("*.example.com", False),
    ],
)
def test_names_that_no_public_ca_knows(domain: str, possible: bool) -> None:
    """They are not asked for; a CA of one's own may know all but this machine's own."""
    assert domains.obtainable(domain, domains.PUBLIC_CA) is possible
    own = domains.obtainable(domain, "https://ca.internal/dir")
    assert own is (not domain.endswith(".localhost") and "*" not in domain)


def test_hsts_grows_with_what_is_proven() -> None:
    """Nothing, a day, thirty days, and two years after a renewal."""
    day = 86400
    assert proof.hsts({}, 0) == 0
    assert proof.hsts({"renewals": 3}, 0) == 0
    assert proof.hsts({"proven": 100}, 200) == day
    assert proof.hsts({"proven": 100}, 100 + 8 * day) == 30 * day
    assert proof.hsts({"proven": 100, "renewals": 1}, 200) == 730 * day


def reply(code: int, *records: tuple[int, bytes]) -> bytes:
    """A nameserver's answer to one question, names compressed."""
    head = struct.pack("!6H", 7, 0x8180 | code, 1, len(records), 0, 0)
    body = b"".join(
        b"\xc0\x0c" + struct.pack("!2HIH", kind, 1, 60, len(data)) + data for kind, data in records
    )
    return head + dns.question("app.example.com", dns.A)[12:] + body


def test_dns_replies() -> None:
    """Addresses behind aliases; no such name; a server that fails."""
    alias = (dns.CNAME, b"\x01x\xc0\x0c")
    assert dns.answers(reply(0, alias, (dns.A, bytes([203, 0, 113, 9]))), dns.A) == ["203.0.113.9"]
    assert dns.answers(reply(0, alias), dns.A) == []
    with pytest.raises(dns.NoSuchName):
        dns.answers(reply(3), dns.A)
    with pytest.raises(ValueError, match="code 2"):
        dns.answers(reply(2), dns.A)
