"""Compression on the way out."""

from __future__ import annotations

import gzip

from tests.edge.backend import reply
from tests.edge.site import Site

TEXT = "compress me, " * 500


TYPES = [
    ("text/html; charset=utf-8", True),
    ("text/css", True),
    ("application/json", True),
    ("application/problem+json", True),
    ("image/svg+xml", True),
    ("text/event-stream", False),
    ("image/png", False),
    ("application/zip", False),
]


def test_types(site: Site) -> None:
    """What is text is compressed for those who take it, and caches are told."""
    backend = site.serve()
    for kind, compressed in TYPES:
        backend.answer = lambda request, kind=kind: reply(  # type: ignore[misc]
            TEXT, headers={"Content-Type": kind, "ETag": '"1"'}
        )
        answer = site.ask("/", Accept_Encoding="gzip, br")
        assert (answer.headers.get("content-encoding") == "gzip") is compressed, kind
        if compressed:
            assert gzip.decompress(answer.body).decode() == TEXT
            assert answer.headers["etag"] == 'W/"1"'
            assert answer.headers["vary"] == "Accept-Encoding"
        plain = site.ask("/")
        assert plain.text == TEXT
        assert "content-encoding" not in plain.headers


def test_not_twice_nor_small(site: Site) -> None:
    """What the app compressed is left alone, and so is what is too small to gain."""
    backend = site.serve()
    body = gzip.compress(TEXT.encode())
    backend.answer = lambda request: reply(
        body, headers={"Content-Type": "text/html", "Content-Encoding": "gzip"}
    )
    assert site.ask("/", Accept_Encoding="gzip").body == body
    backend.answer = lambda request: reply("small", headers={"Content-Type": "text/html"})
    assert site.ask("/", Accept_Encoding="gzip").text == "small"


def test_off(site: Site) -> None:
    """An app that wants none gets none."""
    backend = site.serve(compress=False)
    backend.answer = lambda request: reply(TEXT, headers={"Content-Type": "text/html"})
    answer = site.ask("/", Accept_Encoding="gzip")
    assert answer.text == TEXT
