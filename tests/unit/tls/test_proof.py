"""Whether HTTPS works, as a browser sees it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast.tls import proof
from tests.certificates import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A CA whose certificates have neither a subject nor an authority key identifier."""
    return Authority(tmp_path / "ca")


@pytest.fixture
def port(tmp_path: Path, authority: Authority) -> Iterator[int]:
    """Where ``app.test`` answers by HTTPS."""
    pair = authority.pair("app.test")
    (tmp_path / "chain").write_text(pair.chain)
    (tmp_path / "key").write_text(pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_serve, args=(listener, context), daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def _serve(listener: socket.socket, context: ssl.SSLContext) -> None:
    with suppress(OSError):
        while True:
            plain, _ = listener.accept()
            with suppress(OSError), plain, context.wrap_socket(plain, server_side=True) as secure:
                secure.recv(1000)
                secure.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def test_a_certificate_that_only_strict_programs_refuse(
    port: int, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 is strict by default, browsers are not: it counts as working."""
    plain = ssl.create_default_context

    def strict() -> ssl.SSLContext:
        context = plain()
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    assert proof.works("app.test", "127.0.0.1", port)
    assert not proof.works("other.test", "127.0.0.1", port)


def test_nobody_trusts_it(port: int) -> None:
    """A certificate that this machine does not trust is none that browsers may be held to."""
    assert not proof.works("app.test", "127.0.0.1", port)
