"""The app does not answer: what never reached it waits and goes again, the rest is 502 once."""

from __future__ import annotations

import socket
import time
from typing import Literal

import pytest

from tests.edge.backend import Request, reply
from tests.edge.site import HOST, Site, eventually
from tests.edge.wire import request_bytes

Leaves = Literal["nothing", "socket"]


@pytest.mark.parametrize("leaves", ["nothing", "socket"])
def test_app_restarts(site: Site, leaves: Leaves) -> None:
    """While nobody listens, requests of any method wait; then each runs once, in order."""
    backend = site.serve()
    backend.crash(leaves)
    crowd = []
    for i in range(60):
        body = None if i % 2 else b"%d " % i * 1000
        method = "GET" if i % 2 else ("POST", "PUT", "PATCH", "DELETE")[i // 2 % 4]
        crowd.append(site.client().send(f"/{i}", method, body))
    site.waiting(60)
    assert site.counts().down
    backend.start()
    for i, client in enumerate(crowd):
        assert client.read().text == f"/{i}"
    assert backend.targets == [f"/{i}" for i in range(60)]
    assert all(one.body == b"%d " % i * 1000 for i, one in enumerate(backend.requests) if not i % 2)
    site.idle()
    assert not site.counts().down
    assert site.ask("/after").status == 200


def test_app_on_a_port_restarts(site: Site) -> None:
    """The same for an app that listens on a port of 127.0.0.1."""
    site.configure()
    backend = site.backend()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    target = site.target(backend)
    site.edge.open("app", type(target)("a", f"127.0.0.1:{port}", target.release, target.source))
    crowd = site.crowd(5, method="POST", body=b"body")
    site.waiting(5)
    listener = socket.create_server(("127.0.0.1", port))
    backend.serve(listener)
    assert [client.read().text for client in crowd] == [f"/{i}" for i in range(5)]
    assert [one.body for one in backend.requests] == [b"body"] * 5


def test_app_restarts_under_hold(site: Site) -> None:
    """A gate that holds asks nobody; one that opens to a new slot forgets the old one's silence."""
    old, new = site.serve(), site.backend("new")
    old.crash()
    lost = site.client().send("/0")
    site.waiting(1)
    site.hold()
    held = site.client().send("/1")
    site.waiting(2)
    site.open(new, "b")
    assert [client.read().text for client in (lost, held)] == ["/0", "/1"]
    assert new.targets == ["/0", "/1"]


def test_app_never_comes_back(site: Site) -> None:
    """Past max_wait the answer is 503 with Retry-After, not 502."""
    backend = site.serve(max_wait=0.4)
    backend.crash()
    began = time.monotonic()
    response = site.ask("/1", "POST", body=b"x")
    assert (response.status, response.headers["retry-after"]) == (503, "10")
    assert time.monotonic() - began >= 0.35


def test_line_is_full_while_down(site: Site) -> None:
    """max_line counts here, too."""
    backend = site.serve(max_line=3)
    backend.crash()
    crowd = site.crowd(3)
    site.waiting(3)
    assert site.ask().status == 503
    backend.start()
    assert [client.read().status for client in crowd] == [200] * 3


def test_hang_up_while_down(site: Site) -> None:
    """A client that hangs up while its app is away leaves the line; its request never runs."""
    backend = site.serve()
    backend.crash()
    gone = [site.client().send("/gone", "POST", b"x") for _ in range(3)]
    stays = site.client().send("/stays")
    site.waiting(4)
    for client in gone:
        client.close()
    site.waiting(1)
    backend.start()
    assert stays.read().text == "/stays"
    assert backend.targets == ["/stays"]


def test_everybody_hangs_up_while_down(site: Site) -> None:
    """The next request finds out by itself that the app is back."""
    backend = site.serve()
    backend.crash()
    crowd = site.crowd(5)
    site.waiting(5)
    for client in crowd:
        client.close()
    site.waiting(0)
    backend.start()
    assert site.ask("/after").text == "/after"
    assert backend.targets == ["/after"]


def test_app_comes_and_goes(site: Site) -> None:
    """An app that dies again and again: each request runs once, or gets 503; none is lost."""
    backend = site.serve(pace=2)
    backend.crash()
    crowd = site.crowd(40, method="POST", body=b"once")
    site.waiting(40)
    for _ in range(15):
        backend.start()
        time.sleep(0.02)
        backend.crash()
        time.sleep(0.04)
    backend.start()
    answers = [client.read().status for client in crowd]
    assert set(answers) <= {200, 502, 503}
    ran = backend.targets
    assert len(ran) == len(set(ran)), "one ran twice"
    assert {f"/{i}" for i, status in enumerate(answers) if status == 200} <= set(ran)
    assert {f"/{i}" for i, status in enumerate(answers) if status == 503}.isdisjoint(ran)


def test_full_backlog(site: Site) -> None:
    """An app whose listen queue is full has not been reached: requests wait, in order."""
    site.configure()
    backend = site.backend()
    backend.crash()
    backend.path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(backend.path))
        backend.path.chmod(0o777)
        listener.listen(2)
        site.open(backend)
        crowd = []
        for i in range(30):
            crowd.append(site.client().send(f"/{i}", "POST", b"x"))
            counted = i + 1
            eventually(
                lambda counted=counted: (
                    sum(site.counts().in_flight.values())  # type: ignore[misc]
                    + site.counts().waiting
                    == counted
                ),
                "all are there",
            )
        backend.serve(listener.dup())
        for i, client in enumerate(crowd):
            assert client.read().text == f"/{i}"
        assert backend.targets == [f"/{i}" for i in range(30)]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_answer(site: Site, method: str) -> None:
    """An app that takes a request and closes gets it once; the client gets 502."""
    backend = site.serve()
    backend.answer = lambda request: None
    body = b"pay" if method == "POST" else None
    assert site.ask("/pay", method, body=body).status == 502
    time.sleep(0.1)
    assert backend.targets == ["/pay"]
    site.idle()


def test_half_an_answer(site: Site) -> None:
    """An app that dies in the midst of its answer: the client sees it cut off, not a second one."""

    def half(request: Request) -> None:
        request.connection.sendall(reply("x" * 1000)[:-500])

    backend = site.serve()
    backend.answer = half
    client = site.client().send("/half")
    with pytest.raises(Exception, match="closed after"):
        client.read()
    assert len(backend.requests) == 1


def test_crash_with_requests_inside(site: Site) -> None:
    """What was inside when the app died is 502, once; what comes after waits for it."""
    backend = site.serve()
    backend.pause()
    inside = site.crowd(5, "/in")
    site.in_flight(5)
    eventually(lambda: backend.inside == 5, "all inside")
    backend.crash()
    assert [client.read().status for client in inside] == [502] * 5
    after = site.client().send("/after")
    site.waiting(1)
    backend.start()
    assert after.read().text == "/after"
    assert sorted(backend.targets) == sorted([f"/in{i}" for i in range(5)] + ["/after"])


def test_kept_connections_that_the_app_closed(site: Site) -> None:
    """GETs use kept connections; one that the app has closed meanwhile harms nobody."""
    backend = site.serve()
    backend.keep = True
    for i in range(5):
        assert site.ask(f"/{i}").status == 200
    assert backend.connections == 1
    for i in range(5, 10):
        backend.close_connections()
        assert site.ask(f"/{i}").text == f"/{i}"
    backend.crash()
    backend.start()
    assert site.ask("/10").text == "/10"
    assert backend.targets == [f"/{i}" for i in range(11)]


def test_posts_use_no_kept_connection(site: Site) -> None:
    """What changes something gets a connection of its own, so that its failure means something."""
    backend = site.serve()
    backend.keep = True
    site.ask("/get")
    for _ in range(3):
        site.ask("/post", "POST", body=b"x")
    assert backend.connections == 4


def test_own_502_passes(site: Site) -> None:
    """A 502 that the app itself answers is its answer."""
    backend = site.serve()
    backend.answer = lambda request: reply("mine", 502)
    assert site.ask("/").text == "mine"
    assert len(backend.requests) == 1


def test_too_slow(site: Site) -> None:
    """Past the app's read_timeout the answer is 504; the count is right, the next one runs."""
    backend = site.serve(read_timeout=0.3)
    backend.pause()
    assert site.ask("/slow").status == 504
    site.in_flight(0)
    backend.resume()
    assert site.ask("/next").text == "/next"
    assert backend.targets == ["/slow", "/next"]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_too_large(site: Site, method: str, chunked: bool) -> None:
    """A body past max_body is 413; nothing of it runs, and the count is right."""
    backend = site.serve(max_body=1000)
    client = site.client()
    if chunked:
        head = request_bytes(method, "/large", HOST, Transfer_Encoding="chunked")
        client.socket.sendall(head + b"800\r\n" + b"x" * 2048 + b"\r\n0\r\n\r\n")
    else:
        client.send("/large", method, b"x" * 2048)
    assert client.read().status == 413
    site.idle()
    assert backend.requests == []
