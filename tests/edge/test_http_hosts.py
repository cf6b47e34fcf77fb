"""Which app answers: host names, and who refuses what."""

from __future__ import annotations

import json

import pytest

from holdfast.errors import EdgeError
from tests.edge.site import Site
from tests.edge.wire import Client, Response


def raw(site: Site, data: bytes, address: str = "127.0.0.1") -> Response:
    """Send bytes as they are, and read the answer."""
    client = Client(site.port, "", address=address)
    site.clients.append(client)
    client.socket.sendall(data)
    return client.read()


def forget_errors(site: Site, text: str) -> None:
    """What a test meant to happen is no fault when it ends; nginx appends, so a log may shrink."""
    kept = [line for line in site.error_log.splitlines() if text not in line]
    (site.root / "edge" / "logs" / "error.log").write_text("\n".join([*kept, ""]))


def test_names_of_an_app(site: Site) -> None:
    """Exact names, in any case, with a port or a dot at the end, and wildcards lead to the app."""
    site.serve(domains=("App.test", "second.test", "*.wild.test"))
    names = ["app.test", "APP.Test", "app.test:8080", "app.test.", "second.test", "x.y.wild.test"]
    for host in names:
        assert site.ask("/x", host=host).text == "/x", host


def test_unknown_host(site: Site) -> None:
    """A host nobody has gets a plain page that names no app, and no app is called."""
    backend = site.serve(domains=("app.test", "*.wild.test"))
    for host in ("other.test", "wild.test", "127.0.0.1", "[::1]", "a.b:80", "_"):
        answer = site.ask("/", host=host)
        assert answer.status == 404, host
        assert "app.test" not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"] in answer.text
    assert backend.requests == []


def test_no_host(site: Site) -> None:
    """HTTP/1.0 without Host meets no app; HTTP/1.1 without or with two is malformed (RFC 9112)."""
    backend = site.serve()
    assert raw(site, b"GET / HTTP/1.0\r\n\r\n").status == 404
    for head in (b"", b"Host: app.test\r\nHost: other.test\r\n", b"Host: a/b\r\n"):
        answer = raw(site, b"GET / HTTP/1.1\r\n" + head + b"\r\n")
        assert answer.status == 400
        assert "malformed" in answer.text
        assert "nginx" not in answer.text
    assert backend.requests == []


def test_absolute_target(site: Site) -> None:
    """The name in the request line counts (RFC 9112, 3.2.2); the app sees no other as Host."""
    backend = site.serve()
    answer = raw(site, b"GET http://app.test/x HTTP/1.1\r\nHost: evil.test:81\r\n\r\n")
    assert answer.status == 200
    assert backend.requests[0].headers["host"] == "app.test:81"


def test_ipv6(site: Site) -> None:
    """Browsers go to ::1 for NAME.localhost; the edge is there too."""
    site.serve()
    try:
        answer = raw(site, b"GET /6 HTTP/1.1\r\nHost: app.test\r\n\r\n", "::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert answer.text == "/6"


def test_domain_of_another_app(site: Site) -> None:
    """A domain that another app has is refused by name before anything changes."""
    site.serve(domains=("one.test", "both.test"))
    before = (site.root / "edge" / "gates.json").read_text()
    with pytest.raises(EdgeError, match=r"two: the domain both\.test belongs to the app app"):
        site.configure("two", domains=("two.test", "BOTH.test."))
    assert (site.root / "edge" / "gates.json").read_text() == before
    assert site.edge.configured("two") is None
    assert site.edge.gate("two") is None
    assert site.ask("/", host="both.test").text == "/"
    assert site.ask("/", host="two.test").status == 404


def test_domain_that_is_none(site: Site) -> None:
    """What is no host name is refused in words, not by nginx."""
    for domain in ("", "a b.test", "~^.*$", 'x";}', "bücher.test", "$host", "a..b"):
        with pytest.raises(EdgeError, match="is no host name"):
            site.configure(domains=(domain,))
    assert site.edge.gate("app") is None


def test_refused_configuration(site: Site) -> None:
    """If nginx refuses an app's configuration, the app's old one and all others go on."""
    site.serve()
    site.configure("other")
    conf = site.root / "edge" / "apps" / "app.conf"
    good = conf.read_text()
    with pytest.raises(EdgeError, match="nginx refuses") as caught:
        site.configure(max_body=10**30)  # no number for nginx
    assert "client_max_body_size" in (caught.value.detail or "")
    assert conf.read_text() == good
    assert (
        json.loads((site.root / "edge" / "apps" / "app.json").read_text())["edge"]["max_body"]
        < 10**30
    )
    site.edge.reload()
    assert site.ask("/").status == 200
    site.configure("third")
    with pytest.raises(EdgeError, match="nginx refuses"):
        site.configure("fourth", max_body=10**30)
    assert site.edge.gate("fourth") is None
    assert not (site.root / "edge" / "apps" / "fourth.conf").exists()
    assert site.ask("/", host="third.test").status == 503
    forget_errors(site, "directive invalid value")


def test_removed(site: Site) -> None:
    """A removed app's host is unknown, its files and logs are gone, and its name is free."""
    site.serve(domains=("app.test",))
    site.configure("other")
    assert site.ask("/").status == 200
    site.edge.remove("app")
    assert site.ask("/").status == 404
    assert [path.name for path in (site.root / "edge").rglob("app.*")] == []
    site.edge.remove("app")
    site.configure("new", domains=("app.test",))
    assert site.ask("/").status == 503
