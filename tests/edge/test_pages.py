"""Error and maintenance pages: ours, the app's own, and JSON."""

from __future__ import annotations

import time
from pathlib import Path

from tests.edge.backend import Request, reply
from tests.edge.site import Site


def write(site: Site, release: str, **pages: str) -> None:
    """Pages of a release's own, in its directory ``errors``."""
    directory = site.root / release / "errors"
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (directory / f"{name.strip('_')}.html").write_text(text)


def cut(request: Request) -> None:
    """An app that dies in the middle of a request."""


def test_502(site: Site) -> None:
    """An app that breaks off gets a request once, and its client a page that says so."""
    backend = site.serve()
    backend.answer = cut
    for method in ("GET", "POST"):
        answer = site.ask("/", method)
        assert answer.status == 502
        assert "may have been acted on" in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"] in answer.text
        assert "retry-after" not in answer.headers
    assert [one.method for one in backend.requests] == ["GET", "POST"]


def test_large_header_from_the_app(site: Site) -> None:
    """An answer with a header larger than the edge takes is a 502."""
    backend = site.serve()
    backend.answer = lambda request: reply("ok", headers={"X": "x" * 20_000})
    assert site.ask("/").status == 502


def test_504(site: Site) -> None:
    """An app that says nothing for the read timeout is answered for, and counted no more."""
    backend = site.serve(read_timeout=0.5)
    backend.pause()
    began = time.monotonic()
    answer = site.ask("/", "POST", body=b"x")
    assert answer.status == 504
    assert time.monotonic() - began >= 0.5
    assert "took too long" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    backend.resume()
    site.in_flight(0)
    assert len(backend.requests) == 1


def test_503(site: Site) -> None:
    """Who cannot wait in line any longer is told when to come again."""
    site.serve(max_line=1, max_wait=0.7)
    site.hold()
    first = site.client().send("/")
    site.waiting(1)
    full = site.ask("/")
    late = first.read()
    for answer in (full, late):
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["cache-control"] == "no-store"
    assert int(full.headers["retry-after"]) < int(late.headers["retry-after"])


def test_maintenance(site: Site) -> None:
    """Maintenance is 503 with its own page, for everybody but whom it allows."""
    site.serve()
    site.edge.maintenance("app")
    answer = site.ask("/")
    assert answer.status == 503
    assert "maintenance" in answer.text
    assert answer.headers["retry-after"] == "60"
    site.edge.maintenance("app", ("127.0.0.0/8",))
    assert site.ask("/").status == 200


def test_own_pages(site: Site) -> None:
    """Pages come from the serving release, without a reload; what it lacks is ours."""
    write(site, "r1", _502="first 502 {{request_id}}", maintenance="first maintenance")
    write(site, "r2", _502="second 502")
    backend = site.serve(pages="errors")
    backend.answer = cut
    site.open(backend, release="r1")
    answer = site.ask("/")
    assert answer.text == f"first 502 {answer.headers['x-request-id']}"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    site.edge.maintenance("app")
    assert site.ask("/").text == "first maintenance"
    site.open(backend, "b", release="r2")
    assert site.ask("/").text == "second 502"
    site.edge.maintenance("app")
    assert "down for maintenance" in site.ask("/").text
    site.configure()
    site.open()
    assert "may have been acted on" in site.ask("/").text


def test_own_page_for_413(site: Site) -> None:
    """Also what nginx decides before the gate is asked has the app's own page."""
    write(site, "r-a", _413="too big for us")
    site.serve(pages="errors", max_body=10)
    assert site.ask("/", "POST", body=b"x" * 11).text == "too big for us"


def test_a_directory_is_no_page(site: Site) -> None:
    """What cannot be read as a page is replaced by ours."""
    Path(site.root / "r-a" / "errors" / "502.html").mkdir(parents=True)
    site.serve(pages="errors").answer = cut
    assert "may have been acted on" in site.ask("/").text


ACCEPT = [
    ("application/json", True),
    ("application/json, text/plain, */*", True),  # axios
    ("application/problem+json", True),
    ("application/vnd.api+json;q=0.9, text/html;q=0.1", True),
    ("text/html;q=0.2, Application/JSON", True),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),  # browsers
    ("text/html, application/json", False),
    ("application/json;q=0.1, text/html", False),
    ("application/json;q=0", False),
    ("*/*", False),  # curl
    ("", False),
    ("json, ;q=, q=1;;,,", False),
]


def test_json(site: Site) -> None:
    """Programs that prefer JSON get JSON (RFC 9110, 12.5.1), everybody else a page."""
    site.serve()
    site.edge.maintenance("app")
    for accept, json in ACCEPT:
        answer = site.ask("/", Accept=accept)
        assert answer.status == 503
        if json:
            assert answer.headers["content-type"] == "application/json", accept
            assert answer.json == {
                "error": "down for maintenance",
                "status": 503,
                "request_id": answer.headers["x-request-id"],
            }
        else:
            assert answer.headers["content-type"].startswith("text/html"), accept


def test_head(site: Site) -> None:
    """HEAD gets the headers of the page and no body; the connection goes on."""
    site.serve()
    site.edge.maintenance("app")
    client = site.client()
    head = client.ask("/", "HEAD")
    page = client.ask("/")
    assert head.status == page.status == 503
    assert head.headers["content-length"] == str(len(page.body))
    assert head.body == b""


def test_no_release_yet(site: Site) -> None:
    """An app that is known and was never opened is 503."""
    site.configure()
    answer = site.ask("/")
    assert answer.status == 503
    assert answer.headers["retry-after"] == "30"
