"""What counts as in flight and as long-lived, and for how long."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tests.edge.backend import Backend, Request, reply
from tests.edge.conftest import SiteFactory
from tests.edge.site import HOST, Site, eventually
from tests.edge.wire import Client, request_bytes

LARGE = 8 * 1024 * 1024


def shake_hands(request: Request) -> bytes | None:
    """A WebSocket of sorts: what is sent comes back."""
    request.connection.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )
    while data := request.connection.recv(1000):
        request.connection.sendall(b"echo " + data)
    return None


def stream(request: Request) -> None:
    """An event a tick, chunked as ASGI servers do it."""
    request.connection.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for i in range(1000):
        event = b"data: %d\n\n" % i
        request.connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
        time.sleep(0.05)


def websocket(site: Site) -> Client:
    """A client that has asked for a WebSocket."""
    return site.client().send("/ws", Connection="Upgrade", Upgrade="websocket")


def test_in_flight_by_slot(site: Site) -> None:
    """Each slot has its own count, until its answers are out."""
    old, new = site.serve(), site.backend("new")
    old.pause()
    new.pause()
    first = site.crowd(3, "/old")
    site.in_flight(3)
    site.open(new, "b")
    second = site.crowd(2, "/new")
    site.in_flight(2, "b")
    assert site.counts().in_flight == {"a": 3, "b": 2}
    old.resume()
    assert [client.read().status for client in first] == [200] * 3
    site.in_flight(0)
    assert site.counts().in_flight == {"a": 0, "b": 2}
    new.resume()
    assert [client.read().status for client in second] == [200] * 2


def test_nobody_is_missed(sites: SiteFactory) -> None:
    """Once `hold` has returned and the count is nought, nothing reaches the old slot any more."""
    site = sites(workers=2)
    old, new = site.serve(), site.backend("new")
    stop = threading.Event()
    failed: list[str] = []

    def visit() -> None:
        client = Client(site.port, HOST)
        while not stop.is_set():
            response = client.ask("/")
            if response.status != 200:
                failed.append(response.text)
        client.close()

    visitors = [threading.Thread(target=visit) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    slots = [(old, "a"), (new, "b")]
    try:
        for round_ in range(30):
            (leaves, slot), (comes, other) = slots[round_ % 2], slots[1 - round_ % 2]
            eventually(lambda comes=leaves: comes.requests, "visitors are there")  # type: ignore[misc]
            site.hold()
            site.in_flight(0, slot)  # type: ignore[arg-type]
            assert leaves.inside == 0
            seen = leaves.accepted
            time.sleep(0.01)
            assert leaves.accepted == seen
            site.open(comes, other)  # type: ignore[arg-type]
    finally:
        stop.set()
        site.open()
        for visitor in visitors:
            visitor.join()
    assert failed == []


@pytest.mark.parametrize("chunked", [False, True])
def test_upload_on_its_way(site: Site, chunked: bool) -> None:
    """An upload counts as in flight when it is whole, not while it comes in."""
    backend = site.serve()
    backend.pause()
    client = site.client()
    if chunked:
        client.socket.sendall(request_bytes("POST", "/up", HOST, Transfer_Encoding="chunked"))
        client.socket.sendall(b"4\r\nhalf\r\n")
        rest = b"4\r\nhalf\r\n0\r\n\r\n"
    else:
        whole = request_bytes("POST", "/up", HOST, b"halfhalf")
        client.socket.sendall(whole[:-4])
        rest = whole[-4:]
    time.sleep(0.1)
    counts = site.counts()
    assert counts.in_flight == {"a": 0, "b": 0}
    assert counts.waiting == 0
    client.socket.sendall(rest)
    site.in_flight(1)
    backend.resume()
    assert client.read().status == 200
    assert backend.requests[0].body == b"halfhalf"


def test_large_upload_during_a_hold(site: Site) -> None:
    """50 MB that arrive while the gate holds reach the new release whole, once."""
    old, new = site.serve(max_body=60 * 1024 * 1024), site.backend("new")
    body = os.urandom(1024 * 1024) * 50
    site.hold()
    client = site.client()
    sending = threading.Thread(target=client.send, args=("/up", "POST", body))
    sending.start()
    site.waiting(1)
    sending.join()
    site.open(new, "b")
    assert client.read().status == 200
    assert old.requests == []
    assert len(new.requests) == 1
    assert new.requests[0].body == body


def test_expect_continue(site: Site) -> None:
    """Who asks before sending a body is told to send it also while the gate holds."""
    backend = site.serve()
    site.hold()
    client = site.client()
    client.socket.sendall(
        request_bytes("POST", "/up", HOST, Expect="100-continue", Content_Length="4")
    )
    assert client.reader.head() == ("HTTP/1.1 100 Continue", {})
    client.socket.sendall(b"body")
    site.waiting(1)
    site.open()
    assert client.read().status == 200
    assert backend.requests[0].body == b"body"


def test_pipelining(site: Site) -> None:
    """Requests sent one behind the other are held and answered one after the other."""
    backend = site.serve()
    site.hold()
    client = site.client()
    client.socket.sendall(b"".join(request_bytes("GET", f"/{i}", HOST) for i in range(5)))
    site.waiting(1)
    site.open()
    assert [client.read().text for _ in range(5)] == [f"/{i}" for i in range(5)]
    assert backend.targets == [f"/{i}" for i in range(5)]


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_head_and_old_versions(site: Site, version: str) -> None:
    """HEAD and HTTP/1.0 are held and counted as everything else."""
    site.serve()
    for method in ("HEAD", "GET"):
        site.hold()
        client = site.client()
        client.socket.sendall(f"{method} /x HTTP/{version}\r\nHost: {HOST}\r\n\r\n".encode())
        site.waiting(1)
        site.open()
        response = client.read(head_only=method == "HEAD")
        assert (response.status, response.headers["content-length"]) == (200, "2")
        site.idle()


def test_websocket(site: Site) -> None:
    """A WebSocket counts as long-lived and lives on when the gate opens to the other slot."""
    old, new = site.serve(), site.backend("new")
    old.answer = shake_hands
    client = websocket(site)
    assert client.read().status == 101
    counts = site.counts()
    assert (counts.in_flight["a"], counts.long["a"]) == (0, 1)
    site.hold()
    site.open(new, "b")
    assert site.ask("/new").text == "/new"
    client.socket.sendall(b"still there?")
    assert client.reader.some() == b"echo still there?"
    assert site.counts().long == {"a": 1, "b": 0}
    client.close()
    eventually(lambda: site.counts().long["a"] == 0, "the WebSocket is counted off")


def test_websocket_of_an_app_that_dies(site: Site) -> None:
    """When the app ends a WebSocket its client sees that, and it is counted off."""
    backend = site.serve()
    backend.answer = shake_hands
    client = websocket(site)
    assert client.read().status == 101
    backend.crash()
    assert client.reader.some() == b""
    site.idle()
    backend.start()


def test_held_websocket(site: Site) -> None:
    """A handshake is held like any request."""
    backend = site.serve()
    backend.answer = shake_hands
    site.hold()
    client = websocket(site)
    site.waiting(1)
    assert client.silent(0.1)
    site.open()
    assert client.read().status == 101
    client.socket.sendall(b"hello")
    assert client.reader.some() == b"echo hello"


def test_event_stream(site: Site) -> None:
    """Events arrive as they are sent; a stream is long-lived and survives a handover."""
    old, new = site.serve(), site.backend("new")
    old.answer = stream
    client = site.client().send("/events", Accept="text/event-stream")
    head = client.reader.head()
    assert head is not None
    assert head[1]["content-type"] == "text/event-stream"
    for i in range(3):
        assert client.reader.chunk() == b"data: %d\n\n" % i
    assert site.counts().long["a"] == 1
    site.hold()
    site.open(new, "b")
    for i in range(3, 6):
        assert client.reader.chunk() == b"data: %d\n\n" % i
    client.close()
    site.idle()


def test_download(site: Site) -> None:
    """A download is long-lived from its first byte, and ends as one piece after a handover."""
    old, new = site.serve(), site.backend("new")
    old.answer = lambda request: reply(b"x" * LARGE)
    client = site.client().send("/file")
    eventually(lambda: site.counts().long["a"] == 1, "the download counts as long")
    assert site.counts().in_flight["a"] == 0
    site.open(new, "b")
    response = client.read()
    assert (response.status, len(response.body)) == (200, LARGE)
    site.idle()


def test_long_answers_make_room(site: Site) -> None:
    """A long-lived answer takes no place of those who wait behind it."""
    backend = site.serve(pace=1)

    def answer(request: Request) -> bytes | None:
        return shake_hands(request) if request.target == "/ws" else reply("ok")

    backend.answer = answer
    site.hold()
    sockets = [websocket(site) for _ in range(3)]
    site.waiting(3)
    last = site.client().send("/last")
    site.waiting(4)
    site.open()
    assert [client.read().status for client in sockets] == [101] * 3
    assert last.read().text == "ok"


def test_client_leaves_while_answered(site: Site) -> None:
    """A client that hangs up in the middle of its request is counted off at once."""
    backend: Backend = site.serve()
    backend.pause()
    crowd = site.crowd(4)
    site.in_flight(4)
    for client in crowd[:3]:
        client.close()
    site.in_flight(1)
    backend.resume()
    assert crowd[3].read().status == 200
