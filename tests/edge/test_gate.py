"""The gate: open, hold, maintenance."""

from __future__ import annotations

from tests.edge.site import Site


def test_open(site: Site) -> None:
    """An open gate passes requests on to its slot."""
    backend = site.serve()
    assert site.ask("/hello").text == "/hello"
    assert backend.targets == ["/hello"]


def test_hold_then_open(site: Site) -> None:
    """Held requests wait without an answer, and get it in the order in which they came."""
    backend = site.serve()
    site.hold()
    crowd = site.crowd(300)
    site.waiting(300)
    assert crowd[0].silent()
    assert backend.requests == []
    site.open()
    assert [client.read().text for client in crowd] == [f"/{i}" for i in range(300)]
    assert backend.targets == [f"/{i}" for i in range(300)]
