"""HTTPS at a real nginx, with certificates of a CA of the test's own."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.tls_scan import tls_findings
from holdfast.app import AppSpec, Dependencies, Static, Tls, Web
from holdfast.tls.store import Store
from tests.certificates import Authority
from tests.edge.backend import Backend, Request, reply
from tests.edge.conftest import SiteFactory
from tests.edge.site import APP, Site, eventually, free_port
from tests.edge.wire import PATIENCE, Client, Response


class TlsClient(Client):
    """One connection over TLS, with the name that it asks for."""

    def __init__(
        self, port: int, host: str, context: ssl.SSLContext, *, sni: str | None = None
    ) -> None:
        super().__init__(port, host)
        self.socket = context.wrap_socket(self.socket, server_hostname=sni or host)
        self.reader = type(self.reader)(self.socket)


@dataclass(slots=True)
class Secure:
    """A site with HTTPS and a CA."""

    site: Site
    port: int
    authority: Authority
    store: Store

    def configure(
        self, *domains: str, static: tuple[Static, ...] = (), tls: Tls | None = None
    ) -> AppSpec:
        spec = AppSpec(
            APP,
            domains or ("app.test",),
            "command",
            Dependencies("none"),
            Web("none"),
            static=static,
            tls=tls or Tls(),
        )
        self.site.edge.configure(spec)
        return spec

    def serve(self, *domains: str, **options: Any) -> Backend:
        """The app configured, with a backend behind an open gate."""
        self.configure(*domains, **options)
        backend = self.site.backend()
        self.site.open(backend)
        return backend

    def certify(self, *names: str, **options: Any) -> str:
        """Give the app a certificate for ``names``; its fingerprint."""
        pair = self.authority.pair(*(names or ("app.test",)), **options)
        self.store.install(APP, pair.chain, pair.key, "acme")
        assert self.site.edge.refresh_certificate(APP)
        installed = self.store.installed(APP)
        assert installed is not None
        return installed.certificate.fingerprint

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority.certificate))

    def client(self, host: str = "app.test", **options: Any) -> TlsClient:
        made = TlsClient(self.port, host, self.context(), **options)
        self.site.clients.append(made)
        return made

    def ask(self, target: str = "/", host: str = "app.test", **rest: Any) -> Response:
        client = self.client(host)
        response = client.ask(target, **rest)
        client.close()
        return response

    def http2(self) -> httpx.Client:
        return httpx.Client(
            http1=False,
            http2=True,
            verify=self.context(),
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"Host": "app.test"},
            timeout=PATIENCE,
        )


SNI = {"sni_hostname": "app.test"}


@pytest.fixture
def secure(sites: SiteFactory, tmp_path: Path) -> Secure:
    port = free_port()
    site = sites(tls_port=port)
    store = Store(site.root / "tls")
    store.make()
    return Secure(site, port, Authority(tmp_path / "ca"), store)


def test_http_until_there_is_a_certificate(secure: Secure) -> None:
    """Without a certificate the app answers over HTTP, and HTTPS refuses the handshake."""
    secure.serve()
    assert secure.site.ask("/x").text == "/x"
    with pytest.raises(ssl.SSLError, match="unrecognized"):
        secure.client()


def test_https_and_the_way_there(secure: Secure) -> None:
    """With one, HTTP leads to HTTPS, the method kept, and the app hears of the scheme."""
    backend = secure.serve()
    secure.certify()
    answer = secure.site.ask("/a?b=c", method="POST", body=b"x")
    assert answer.status == 308
    assert answer.headers["location"] == f"https://app.test:{secure.port}/a?b=c"
    assert answer.headers["x-request-id"]
    assert secure.ask("/x").text == "/x"
    heard = backend.requests[-1].headers
    assert heard["x-forwarded-proto"] == "https"
    assert heard["x-forwarded-port"] == str(secure.port)
    assert secure.site.edge.address(APP) == f"https://app.test:{secure.port}/"


def test_names_without_a_certificate_stay_on_http(secure: Secure) -> None:
    """A certificate for one of two domains is used for that one; the other goes on as it was."""
    secure.serve("app.test", "www.app.test")
    secure.certify("app.test")
    assert secure.site.ask().status == 308
    assert secure.site.ask("/x", host="www.app.test").text == "/x"
    with pytest.raises(ssl.SSLError, match="unrecognized"):
        secure.client("www.app.test")


def test_a_wildcard_is_for_one_label(secure: Secure) -> None:
    """``*.app.test`` serves ``www.app.test`` and neither ``app.test`` nor ``a.b.app.test``."""
    secure.serve("www.app.test", "app.test", "a.b.app.test")
    secure.certify("*.app.test")
    assert secure.ask("/x", host="www.app.test").text == "/x"
    assert secure.site.ask("/x").text == "/x"
    assert secure.site.ask("/x", host="a.b.app.test").text == "/x"


@pytest.mark.parametrize("state", ["open", "hold", "maintenance", "unknown"])
def test_a_challenge_is_answered_whatever_the_gate_does(secure: Secure, state: str) -> None:
    """HTTP-01 over plain HTTP, also with a certificate, and for hosts that no app has."""
    secure.serve()
    if state == "hold":
        secure.site.edge.hold(APP, None)
    elif state == "maintenance":
        secure.site.edge.maintenance(APP)
    challenges = secure.store.webroot / ".well-known" / "acme-challenge"
    (challenges / "token-1").write_text("token-1.thumb")
    host = "other.test" if state == "unknown" else "app.test"
    url = "/.well-known/acme-challenge/token-1"
    assert secure.site.ask(url, host=host).text == "token-1.thumb"
    secure.certify()
    assert secure.site.ask(url, host=host).text == "token-1.thumb"
    assert secure.site.ask("/.well-known/acme-challenge/none", host=host).status == 404
    secure.site.edge.open(APP)


def test_unknown_names_get_no_handshake(secure: Secure) -> None:
    """A name that no app has, and no name at all, see no certificate; others are served."""
    secure.serve()
    secure.certify()
    with pytest.raises(ssl.SSLError, match="unrecognized"):
        secure.client(sni="stranger.test")
    with pytest.raises(ssl.SSLError):
        secure.client(sni="127.0.0.1")
    assert secure.ask("/x").text == "/x"


def test_a_name_in_the_handshake_and_another_in_the_request(secure: Secure) -> None:
    """Who asks another host over an app's connection does not get the app."""
    secure.serve()
    secure.certify()
    client = secure.client("other.test", sni="app.test")
    assert client.ask("/").status in (400, 404, 421)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions(secure: Secure, version: ssl.TLSVersion) -> None:
    """TLS 1.2 and 1.3 with forward secrecy."""
    secure.serve()
    secure.certify()
    context = secure.context()
    context.minimum_version = context.maximum_version = version
    client = TlsClient(secure.port, "app.test", context)
    cipher = client.socket.cipher()  # type: ignore[attr-defined]
    client.close()
    assert cipher[0].startswith(("ECDHE-", "TLS_"))


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA"),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_versions_and_weak_ciphers_are_refused(
    secure: Secure, version: ssl.TLSVersion, ciphers: str
) -> None:
    """TLS 1.1, no forward secrecy, and CBC: none of them."""
    secure.serve()
    secure.certify()
    context = secure.context()
    context.set_ciphers(ciphers)
    context.minimum_version = context.maximum_version = version
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsClient(secure.port, "app.test", context)


def test_http2(secure: Secure) -> None:
    """Many requests at once over one connection; bodies arrive, with and without a length."""
    backend = secure.serve()
    backend.answer = lambda request: reply(request.body or request.target)
    secure.certify()
    with secure.http2() as client:
        answer = client.get("/x", extensions=SNI)
        assert (answer.http_version, answer.text) == ("HTTP/2", "/x")
        assert client.post("/", content=b"y" * 100_000, extensions=SNI).text == "y" * 100_000

        def parts() -> Iterator[bytes]:
            yield from [b"one", b"two"]

        assert client.post("/", content=parts(), extensions=SNI).text == "onetwo"
    assert backend.requests[0].headers["host"] == "app.test"


def test_http2_waits_in_line(secure: Secure) -> None:
    """A held request of HTTP/2 is answered when the gate opens; one that was reset never runs."""
    backend = secure.serve()
    secure.certify()
    secure.site.hold()
    answers: list[str] = []

    def ask(target: str) -> None:
        with secure.http2() as client:
            answers.append(client.get(target, extensions=SNI).text)

    asking = threading.Thread(target=ask, args=("/kept",))
    asking.start()
    secure.site.waiting(1)
    with secure.http2() as gone, suppress(httpx.TimeoutException):
        # The stream is reset, and then the connection closed.
        gone.get("/gone", extensions=SNI, timeout=0.3)
    secure.site.waiting(1)
    secure.site.open()
    asking.join(PATIENCE)
    assert answers == ["/kept"]
    assert backend.targets == ["/kept"]


def test_websocket(secure: Secure) -> None:
    """An upgrade over TLS reaches the app, and bytes go both ways."""

    def upgrade(request: Request) -> None:
        request.connection.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        )
        request.connection.sendall(request.connection.recv(100).upper())

    backend = secure.serve()
    backend.answer = upgrade
    secure.certify()
    client = secure.client()
    assert client.ask("/ws", Connection="Upgrade", Upgrade="websocket").status == 101
    client.socket.sendall(b"hello")
    assert client.reader.some() == b"HELLO"


def test_hsts_as_far_as_it_is_proven(secure: Secure) -> None:
    """Nothing until somebody says so; then on every answer, static ones too, and once."""
    (secure.site.root / "r-a" / "static").mkdir(parents=True)
    (secure.site.root / "r-a" / "static" / "x.txt").write_text("x")
    backend = secure.serve(static=(Static("/static/", "static"),))
    secure.certify()
    assert "strict-transport-security" not in secure.ask().headers
    with secure.store.changed() as state:
        state[APP] = {"hsts": 86400}
    assert secure.site.edge.refresh_certificate(APP)
    for target in ("/", "/static/x.txt"):
        answer = secure.ask(target)
        assert answer.headers["strict-transport-security"] == "max-age=86400"
        assert answer.headers["x-request-id"]
    backend.answer = lambda _: reply("x", headers={"Strict-Transport-Security": "max-age=5"})
    assert secure.ask().headers["strict-transport-security"] == "max-age=5"
    assert "strict-transport-security" not in secure.site.ask().headers
    secure.configure(tls=Tls(hsts=False), static=(Static("/static/", "static"),))
    backend.answer = lambda _: reply("x")
    assert "strict-transport-security" not in secure.ask().headers


def test_renewed_under_load(secure: Secure) -> None:
    """Twelve new certificates while clients ask, on new and on kept connections: none fails."""
    secure.serve()
    seen = {secure.certify()}
    over = threading.Event()
    failures: list[Exception] = []
    answered = 0

    def ask(kept: bool) -> None:
        nonlocal answered
        client = secure.client() if kept else None
        while not over.is_set():
            try:
                assert (client or secure.client()).ask("/x").text == "/x"
                answered += 1
            except Exception as error:  # noqa: BLE001 - whatever it is, it counts
                failures.append(error)
                return

    crowd = [threading.Thread(target=ask, args=(kept,)) for kept in (False, False, False)]
    for one in crowd:
        one.start()
    for _ in range(12):
        seen.add(secure.certify())
    over.set()
    for one in crowd:
        one.join(PATIENCE)
    assert not failures, failures[:3]
    assert answered > 50
    assert len(seen) == 13
    shown = secure.client().socket.getpeercert(binary_form=True)  # type: ignore[attr-defined]
    assert shown is not None
    pairs = [path for path in (secure.store.home / "certs" / APP).iterdir() if path.is_dir()]
    assert len([path for path in pairs if not path.is_symlink()]) == 2


def test_a_held_connection_outlives_a_renewal(secure: Secure) -> None:
    """A request that is in the app while the certificate is replaced gets its answer."""
    backend = secure.serve()
    secure.certify()
    backend.delay = 1.0
    client = secure.client().send("/slow")
    secure.site.in_flight(1)
    secure.certify()
    assert client.read().text == "/slow"


def test_a_restarted_nginx_serves_the_same_certificate(secure: Secure) -> None:
    """nginx stopped and started again has HTTPS from its first request on."""
    secure.serve()
    secure.certify()
    secure.site.edge.stop()
    secure.site.edge.ensure()
    assert secure.ask("/x").text == "/x"


def test_keys_are_nobody_elses(secure: Secure) -> None:
    """Keys are files of their owner alone, in a directory that nobody else may enter."""
    secure.serve()
    secure.certify()
    pair = secure.store.installed(APP)
    assert pair is not None
    assert pair.key.stat().st_mode & 0o777 == 0o600
    assert (secure.store.home / "certs").stat().st_mode & 0o777 == 0o700


def test_acme_off_is_http(secure: Secure) -> None:
    """``acme = false`` without files of one's own turns HTTPS off again."""
    secure.serve()
    secure.certify()
    secure.configure(tls=Tls(acme=False))
    assert secure.site.ask("/x").text == "/x"


def test_access_log_has_both(secure: Secure) -> None:
    """The redirect and what came over TLS stand in the app's own log."""
    secure.serve()
    secure.certify()
    secure.site.ask("/first")
    secure.ask("/second")
    log = secure.site.root / "edge" / "logs" / f"{APP}.access.log"
    eventually(lambda: "/first" in log.read_text() and "/second" in log.read_text(), "both logged")


def test_another_port_than_443_has_no_https_unasked(sites: SiteFactory) -> None:
    """``local`` on 8080 or any other port has no HTTPS, whatever lies in ROOT/tls."""
    site = sites()
    assert site.edge.info()["tls_port"] is None
    settings = json.loads((site.root / "edge" / "settings.json").read_text())
    assert settings["tls_port"] is None
    assert os.environ.get("HOLDFAST_TLS_PORT") is None


def test_a_scan_finds_nothing_weak(secure: Secure) -> None:
    """sslyze against Mozilla's intermediate configuration, and the headers; no HSTS is one."""
    secure.serve()
    secure.certify()
    found = tls_findings("127.0.0.1", secure.port, "app.test", private_ca=True)
    assert found == ["Strict-Transport-Security: is not sent"]
    with secure.store.changed() as state:
        state[APP] = {"hsts": 63072000}
    secure.site.edge.refresh_certificate(APP)
    assert tls_findings("127.0.0.1", secure.port, "app.test", private_ca=True) == []
