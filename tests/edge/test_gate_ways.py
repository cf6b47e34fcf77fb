"""The two ways through the gate: at once, or by way of the line; a request may be on either."""

from __future__ import annotations

import socket

import pytest

from holdfast.app import Static
from holdfast.edge.contract import Target
from tests.edge.site import HOST, Site, eventually, free_port
from tests.edge.test_http_logs import LINE, lines, log_of
from tests.edge.wire import request_bytes

BODY = bytes(range(256)) * 256


def chunks(body: bytes, size: int) -> bytes:
    """A body as a chunked one."""
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 64], ids=["64k", "4M"])
@pytest.mark.parametrize("held", [False, True], ids=["open", "held"])
def test_chunked_body(site: Site, held: bool, size: int) -> None:
    """A chunked body, in memory or in a file, reaches the app whole, once, on either way."""
    backend = site.serve()
    if held:
        site.hold()
    body = BODY * size
    client = site.client()
    client.socket.sendall(request_bytes("POST", "/up", HOST, Transfer_Encoding="chunked"))
    client.socket.sendall(chunks(body, 30_000))
    if held:
        site.waiting(1)
        site.open()
    assert client.read().text == "/up"
    assert [one.body for one in backend.requests] == [body]


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "FROB"])
def test_held_body(site: Site, method: str) -> None:
    """A held request of any method keeps its method and its body."""
    backend = site.serve()
    site.hold()
    client = site.client().send("/it", method, b"body")
    site.waiting(1)
    site.open()
    assert client.read().status == 200
    assert [(one.method, one.body) for one in backend.requests] == [(method, b"body")]


@pytest.mark.parametrize("held", [False, True], ids=["open", "held"])
def test_connections_by_method(site: Site, held: bool) -> None:
    """GET, HEAD and OPTIONS share kept connections; what may change something never does."""
    backend = site.serve()
    backend.keep = True

    def ask(method: str) -> int:
        before = backend.connections
        if held:
            site.hold()
        client = site.client().send("/", method)
        if held:
            site.waiting(1)
            site.open()
        client.socket.recv(65536)
        client.close()
        return backend.connections - before

    ask("GET")
    for method in ("POST", "PUT", "PATCH", "DELETE", "FROB"):
        assert ask(method) == 1, method
    for method in ("GET", "HEAD", "OPTIONS"):
        # Idle ones are kept for 100 ms, which a busy machine may need for one request.
        eventually(lambda method=method: ask(method) == 0, f"{method} on a kept connection")  # type: ignore[misc]


def test_kept_connection_of_the_other_slot(site: Site) -> None:
    """A connection kept to one slot is never used for another, nor for a port instead."""
    old, new = site.serve(), site.backend("new")
    third = site.backend("third")
    for backend in (old, new, third):
        backend.keep = True
    port = free_port()
    listener = socket.create_server(("127.0.0.1", port))
    third.serve(listener)
    for i in range(5):
        site.open(old)
        assert site.ask(f"/old{i}").status == 200
        site.open(new, "b")
        assert site.ask(f"/new{i}").status == 200
        site.edge.open("app", Target("a", f"127.0.0.1:{port}", "r3", str(site.root)))
        assert site.ask(f"/third{i}").status == 200
    assert old.targets == [f"/old{i}" for i in range(5)]
    assert new.targets == [f"/new{i}" for i in range(5)]
    assert third.targets == [f"/third{i}" for i in range(5)]


def test_gate_moves_during_an_upload(site: Site) -> None:
    """An upload goes where the gate leads when it is whole, whatever happened meanwhile."""
    old, new = site.serve(), site.backend("new")
    client = site.client()
    client.socket.sendall(request_bytes("POST", "/up", HOST, Content_Length="8") + b"half")
    site.hold()
    site.open(new, "b")
    client.socket.sendall(b"half")
    assert client.read().text == "/up"
    assert (old.requests, [one.body for one in new.requests]) == ([], [b"halfhalf"])


def test_gate_closes_before_the_connection(site: Site) -> None:
    """A request that was let through and could not connect meets the gate's new state."""
    old, new = site.serve(), site.backend("new")
    old.crash("socket")
    clients = [site.client().send(f"/{i}", "POST", BODY) for i in range(3)]
    site.waiting(3)
    site.edge.maintenance("app")
    assert [client.read().status for client in clients] == [503] * 3
    site.open(new, "b")
    assert site.ask("/after").text == "/after"
    assert (old.requests, new.targets) == ([], ["/after"])


def test_static_miss_while_held(site: Site) -> None:
    """What a static location leaves to the app waits in line like everything else."""
    site.configure(static=(Static("/static/", "public"),))
    backend = site.backend()
    site.open(backend)
    assert site.ask("/static/none").text == "/static/none"
    site.hold()
    crowd = [site.client().send("/static/get"), site.client().send("/static/post", "POST", BODY)]
    site.waiting(2)
    site.open()
    assert [client.read().text for client in crowd] == ["/static/get", "/static/post"]
    assert backend.requests[-1].body == BODY


def test_log_of_each_way(site: Site) -> None:
    """The log has one time of the app for one call, and the wait of who has waited alone."""
    site.serve()
    site.ask("/at-once")
    site.hold()
    held = site.client().send("/held")
    gone = site.client().send("/gone")
    site.waiting(2)
    gone.close()
    site.waiting(1)
    site.open()
    assert held.read().status == 200
    site.edge.maintenance("app")
    site.ask("/down")
    found = [LINE.fullmatch(line.decode("ascii")) for line in lines(log_of(site), 4)]
    by_path = {one["request"].split()[1]: one.groupdict() for one in found if one}
    assert (by_path["/at-once"]["waited"], by_path["/at-once"]["slot"]) == ("-", "a")
    assert float(by_path["/held"]["waited"]) > 0
    assert float(by_path["/held"]["app"]) >= 0
    assert (by_path["/gone"]["status"], by_path["/gone"]["app"]) == ("499", "-")
    assert (by_path["/down"]["app"], by_path["/down"]["slot"]) == ("-", "-")
