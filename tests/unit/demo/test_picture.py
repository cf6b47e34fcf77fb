"""The picture is well-formed, complete, and small enough for a README."""

from __future__ import annotations

from xml.etree import ElementTree

from demo.picture import Panel, Span, draw
from load.records import Record

DOTS = "{http://www.w3.org/2000/svg}path"


def record(sent: float, wait: float, version: str | None, *, error: str | None = None) -> Record:
    one = Record(0, "GET", "/", None, sent, sent, sent=sent, answered=sent + wait, version=version)
    one.error = error
    return one


def dots(svg: str, colour: str) -> int:
    paths = ElementTree.fromstring(svg).iter(DOTS)
    return sum(
        path.get("d", "").count("h0") for path in paths if path.get("class") == f"dots {colour}"
    )


def test_every_request_is_a_dot_of_its_versions_colour() -> None:
    """Failures are a colour of their own."""
    records = [record(n, 0.01, "1") for n in range(5)] + [record(5 + n, 2, "2") for n in range(3)]
    records += [record(9, 0.1, None, error="status 502")]
    svg = draw([Panel("notes", records, ["1", "2"], [Span(4, 6, "hold", 4.5, 1)])], "A deploy")
    assert [dots(svg, colour) for colour in ("v0", "v1", "bad")] == [5, 3, 1]


def test_words_are_escaped() -> None:
    svg = draw([Panel("a & b", [record(0, 1, "<1>")], ["<1>"], [])], 'the "best" <deploy>')
    assert "<1>" not in svg
    ElementTree.fromstring(svg)


def test_thousands_of_requests_stay_small() -> None:
    records = [record(n / 100, 0.01, "1") for n in range(4000)]
    assert len(draw([Panel("notes", records, ["1"], [])], "A deploy")) < 80_000
