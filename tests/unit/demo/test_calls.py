"""The edge's access log, read for when the app was called."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.calls import calls
from load import Call

LINE = (
    '127.0.0.1 [2026-11-23T09:54:48+00:00] notes.localhost "GET / HTTP/1.1" 200 843'
    " ended=100.500 total=0.400s app={app}s waited={waited}s slot=a release=r id=i"
    ' "-" "-"\n'
)


def read(root: Path, text: str) -> list[Call]:
    logs = root / "edge" / "logs"
    logs.mkdir(parents=True)
    (logs / "notes.access.log").write_text(text)
    return calls(root, "notes")


@pytest.mark.parametrize(
    ("app", "waited", "called", "until"),
    [
        ("0.100", "-", 100.1, 100.4),
        ("0.100", "0.250", 100.35, 100.4),
        ("0.005 : 0.100", "0.250", 100.35, 100.4),
        ("-, 0.100", "0.250", 100.35, 100.4),
        ("0.200", "0.350", 100.45, 100.45),
    ],
)
def test_a_request_that_reached_the_app(
    short_path: Path, app: str, waited: str, called: float, until: float
) -> None:
    """Its arrival, and from when to when it may have been called; the last attempt counts."""
    (one,) = read(short_path, LINE.format(app=app, waited=waited))
    assert (one.arrived, one.called, one.until) == pytest.approx((100.1, called, until))


@pytest.mark.parametrize("app", ["-", "-, -"])
def test_a_request_that_never_reached_the_app(short_path: Path, app: str) -> None:
    """It is answered by the edge itself, and has no place in the order of calls."""
    assert read(short_path, LINE.format(app=app, waited="-")) == []
