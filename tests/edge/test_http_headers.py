"""Headers between client, edge and app; bodies and their limits."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest

from holdfast.app import Static
from tests.edge.backend import Request, reply
from tests.edge.conftest import SiteFactory
from tests.edge.site import Site
from tests.edge.test_http_hosts import raw

SPOOFED = {
    "X_Forwarded_For": "6.6.6.6",
    "X_Forwarded_Proto": "https",
    "X_Forwarded_Host": "evil.test",
    "X_Forwarded_Port": "443",
    "X_Forwarded_Prefix": "/evil",
    "X_Forwarded_Ssl": "on",
    "X_Forwarded_Protocol": "ssl",
    "X_Forwarded_Scheme": "https",
    "X_Forwarded_By": "evil",
    "X_Forwarded_Server": "evil",
    "X_Forwarded_User": "admin",
    "X_Real_IP": "6.6.6.6",
    "X_Request_ID": "evil",
    "X_Script_Name": "/evil",
    "Forwarded": "for=6.6.6.6;proto=https",
    "Proxy": "http://evil.test",
}


def test_forwarding(site: Site) -> None:
    """The app hears of its client from the edge alone; what the client says of itself is lost."""
    backend = site.serve()
    assert site.ask("/", host="app.test:8123", **SPOOFED, X_Mine="kept").status == 200
    got = backend.requests[0].headers
    assert got["x-forwarded-for"] == got["x-real-ip"] == "127.0.0.1"
    assert got["x-forwarded-proto"] == "http"
    assert got["host"] == got["x-forwarded-host"] == "app.test:8123"
    assert got["x-forwarded-port"] == str(site.port)
    assert got["x-mine"] == "kept"
    assert not [value for value in got.values() if "evil" in value or "6.6.6.6" in value]
    for gone in ("forwarded", "proxy", "x-forwarded-prefix", "x-forwarded-ssl", "x-forwarded-user"):
        assert gone not in got


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("app.test", "app.test"),
        ("APP.Test", "app.test"),
        ("app.test.", "app.test"),
        ("app.test:8123", "app.test:8123"),
        ("APP.test:8123", "app.test:8123"),
    ],
)
def test_same_on_all_ways(site: Site, asked: str, told: str) -> None:
    """The app is told the same on every way through the gate: at once, asked first, or held."""
    backend = site.serve()
    spoofed = {**SPOOFED, "Upgrade": "0", "Connection": "upgrade"}
    site.ask("/", host=asked, **spoofed)
    site.ask("/", "OPTIONS", host=asked, **spoofed | {"Upgrade": "h2c"})
    site.ask("/", "DELETE", host=asked, **spoofed)
    site.hold()
    held = site.client(asked).send("/", "GET", None, **spoofed)
    site.waiting(1)
    site.open()
    assert held.read().status == 200
    heard = [dict(one.headers) for one in backend.requests]
    assert len({one.pop("x-request-id") for one in heard}) == 4
    assert heard == [heard[0]] * 4
    assert heard[0]["host"] == heard[0]["x-forwarded-host"] == told
    assert (heard[0]["x-forwarded-port"], heard[0]["x-forwarded-proto"]) == (f"{site.port}", "http")
    assert "upgrade" not in heard[0]


def test_duplicates_and_underscores(site: Site) -> None:
    """Sent twice, or in the spelling that WSGI cannot tell apart, a spoofed header is lost too."""
    backend = site.serve()
    answer = raw(
        site,
        b"GET / HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 6.6.6.6\r\n"
        b"X-Forwarded-For: 6.6.6.7\r\nX_Forwarded_For: 6.6.6.8\r\nX_Forwarded_Proto: https\r\n\r\n",
    )
    assert answer.status == 200
    assert "6.6.6" not in str(backend.requests[0].headers)
    assert "x_forwarded_proto" not in backend.requests[0].headers


def test_upgrade_is_for_websockets(site: Site) -> None:
    """Only a WebSocket's Upgrade goes on: h2c would speak past the gate."""
    backend = site.serve()
    site.ask("/", Upgrade="h2c", Connection="Upgrade, HTTP2-Settings", HTTP2_Settings="AAMAAABk")
    site.ask("/", Upgrade="WebSocket", Connection="Upgrade")
    first, second = (one.headers for one in backend.requests)
    assert "upgrade" not in first
    assert "upgrade" not in first.get("connection", "")
    assert second["upgrade"] == "WebSocket"
    assert second["connection"] == "upgrade"


def test_request_id(site: Site) -> None:
    """One id in the request, the response and the log, ours whatever client and app say."""
    backend = site.serve()
    backend.answer = lambda request: reply("x", headers={"X-Request-ID": "the app's"})
    answer = site.ask("/", X_Request_ID="the client's")
    identity = answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", identity)
    assert backend.requests[0].headers["x-request-id"] == identity
    assert site.ask("/").headers["x-request-id"] != identity


def test_request_ids_differ(sites: SiteFactory) -> None:
    """No two requests have the same id, whoever answers them, in any worker, after a reload."""
    site = sites(workers=2)
    backend = site.serve(static=(Static("/static/", "static"),))
    files = site.root / "r-a" / "static"
    files.mkdir()
    (files / "a.css").write_text("a {}")
    seen: list[str] = []
    for _ in range(2):
        site.hold()
        held = [site.client().send("/held") for _ in range(20)]
        site.waiting(20)
        site.open()
        answers = [client.read() for client in held]
        answers += [site.ask("/") for _ in range(100)]
        answers += [site.ask("/", "POST", body=b"x") for _ in range(20)]
        answers += [site.ask(path) for path in ("/static/a.css", "/static/none")]
        answers.append(site.ask("/", host="no.test"))
        assert {answer.status for answer in answers} == {200, 404}
        seen += [answer.headers["x-request-id"] for answer in answers]
        site.edge.reload()  # other workers: each has ids of its own
    assert all(re.fullmatch(r"[0-9a-f]{32}", one) for one in seen)
    assert len(set(seen)) == len(seen)
    assert {one.headers["x-request-id"] for one in backend.requests} <= set(seen)


def unmixed(value: int) -> int:
    """What SplitMix64 made this of."""
    value ^= value >> 31 ^ value >> 62
    value = value * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
    value ^= value >> 27 ^ value >> 54
    value = value * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
    return value ^ value >> 30 ^ value >> 60


def test_request_ids_count(site: Site) -> None:
    """A worker's ids are its own half and SplitMix64 of a count, also once LuaJIT compiles them."""
    site.serve()
    ids = [site.ask("/").headers["x-request-id"] for _ in range(300)]
    assert len({one[:16] for one in ids}) == 1
    # Digits in the order of the number's bytes, lowest first.
    counts = [unmixed(int.from_bytes(bytes.fromhex(one[16:]), "little")) for one in ids]
    steps = {(after - before) % 2**64 for before, after in pairwise(counts)}
    assert steps == {0x9E3779B97F4A7C15}


def test_app_answers_pass(site: Site) -> None:
    """Whatever the app answers is passed on as it is, errors, redirects and cookies included."""
    backend = site.serve()
    headers = {"Location": "http://app.test:8123/next", "Set-Cookie": "c=" + "x" * 9000, "X-A": "b"}
    for status in (200, 302, 400, 404, 413, 429, 500, 502, 503, 504):
        backend.answer = lambda request, status=status: reply("mine", status, headers)  # type: ignore[misc]
        answer = site.ask("/")
        assert (answer.status, answer.text) == (status, "mine")
        assert answer.headers.items() >= {k.lower(): v for k, v in headers.items()}.items()
        assert "retry-after" not in answer.headers
        assert site.ask("/", "HEAD").status == status


def test_internal_redirects_are_not_followed(site: Site) -> None:
    """X-Accel-Redirect would lead round the gate's counting; the app's own answer goes out."""
    backend = site.serve()
    backend.answer = lambda request: reply("body", headers={"X-Accel-Redirect": "/other"})
    assert site.ask("/").text == "body"
    assert backend.targets == ["/"]


def test_targets_pass_unchanged(site: Site) -> None:
    """Path and query reach the app byte for byte: no decoding, no merging of slashes."""
    backend = site.serve()
    targets = ["/a%20b/%C3%BC?q=%2F&x=a+b", "//double//", "/a/../b", "/a/%2e%2e/x", "/?", "/a;b=c"]
    for target in targets:
        site.ask(target)
    assert backend.targets == targets


def test_body_limit(site: Site) -> None:
    """A body over the limit is 413 with our page, announced or in chunks; the app never sees it."""
    backend = site.serve(max_body=100_000)
    assert site.ask("/", "POST", body=b"x" * 100_000).status == 200
    for answer in (
        site.ask("/", "POST", body=b"x" * 100_001),
        raw(site, b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 999999999\r\n\r\nx"),
        raw(
            site,
            b"POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"2710\r\n" + b"x" * 10_000 + b"\r\n") * 11,
        ),
        raw(
            site,
            b"POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 999999999\r\n"
            b"Expect: 100-continue\r\n\r\n",
        ),
    ):
        assert answer.status == 413
        assert "larger than this site takes" in answer.text
        assert answer.headers["cache-control"] == "no-store"
    assert len(backend.requests) == 1
    assert (
        site.ask("/", "POST", body=b"x" * 100_001, Accept="application/json").json["status"] == 413
    )


def test_large_upload_while_nothing_is_limited(site: Site) -> None:
    """An upload larger than nginx's memory buffers arrives whole, with its length."""
    backend = site.serve()
    body = bytes(range(256)) * 40_000
    assert site.ask("/", "POST", body=body).status == 200
    assert backend.requests[0].body == body
    assert backend.requests[0].headers["content-length"] == str(len(body))


def test_malformed(site: Site) -> None:
    """What nginx itself refuses gets a decent page, too, where it can send one."""
    site.serve()
    host = b"Host: app.test\r\n"
    answer = raw(site, b"GET / HTTP/1.1\r\n" + host + b"Cookie: " + b"c" * 40_000 + b"\r\n\r\n")
    assert answer.status == 431
    assert "headers are too large" in answer.text
    assert answer.headers["x-request-id"] in answer.text
    answer = raw(site, b"GET /" + b"u" * 40_000 + b" HTTP/1.1\r\n" + host + b"\r\n")
    assert answer.status == 414
    assert "malformed" in answer.text
    answer = raw(
        site, b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nnot-hex\r\n"
    )
    assert answer.status == 400
    assert "malformed" in answer.text
    assert raw(site, b"GET /%00 HTTP/1.1\r\n" + host + b"\r\n").status == 400
    assert raw(site, b"GET /ok HTTP/1.1\r\n" + host + b"\r\n").text == "/ok"


def test_streams_arrive_at_once(site: Site) -> None:
    """Parts of a chunked answer are passed on as they come, event streams uncompressed."""
    backend = site.serve()

    def stream(request: Request) -> None:
        request.connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
        )
        time.sleep(3)
        request.connection.sendall(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    backend.answer = stream
    began = time.monotonic()
    client = site.client().send("/", Accept_Encoding="gzip")
    head = client.reader.head()
    assert head is not None
    assert "content-encoding" not in head[1]
    assert client.reader.chunk() == b"data: 1\n\n"
    assert time.monotonic() - began < 3
    assert client.reader.chunk() == b"data: 2\n\n"
