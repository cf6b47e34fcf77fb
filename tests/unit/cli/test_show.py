"""How things are shown to a person."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from holdfast.cli.show import words
from holdfast.cli.show.live import Current, LiveView, progress_words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.status import app_lines
from holdfast.cli.show.table import table
from holdfast.protocol import Event, Kind
from tests.unit.cli.fake_agent import ENDED, EVENTS, STATUS_APP


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0031, "3 ms"),
        (0.43, "0.4 s"),
        (9.96, "10.0 s"),
        (12.4, "12 s"),
        (185, "3 m 05 s"),
        (7800, "2 h 10 m"),
        (97200, "1 d 3 h"),
    ],
)
def test_durations(value: float, text: str) -> None:
    """Two figures are enough."""
    assert words.seconds(value) == text


def test_ago() -> None:
    """Clocks differ a little between machines; nothing was in the future."""
    assert words.ago(100, 99.5) == "just now"
    assert words.ago(100, 220) == "2 m 00 s ago"


@pytest.mark.parametrize(
    ("value", "text"), [(812, "812 B"), (14_400, "14 kB"), (2_340_000, "2.3 MB")]
)
def test_sizes(value: int, text: str) -> None:
    """Powers of ten, as files are counted."""
    assert words.size(value) == text


def test_table_does_not_count_colours() -> None:
    """Columns line up whatever their colour."""
    assert table([("\x1b[1ma\x1b[0m", "b"), ("ccc", "d")]) == ["\x1b[1ma\x1b[0m    b", "ccc  d"]
    assert table([]) == []


def test_no_colour_without_a_terminal() -> None:
    """A pipe gets plain text."""
    assert Paint(io.StringIO())("x", "red") == "x"


def test_hold_with_a_lease() -> None:
    """How long the hold goes on by itself is said."""
    app = {**STATUS_APP, "gate": {"mode": "hold", "effective": "hold", "lease_until": 130.0}}
    lines = app_lines(app, Paint(io.StringIO()), now=100.0)
    assert lines[2].startswith("  gate     hold for 30 s more, 3 in flight")


def test_an_app_without_a_gate() -> None:
    """An app that was never live says so, and how to be rid of it."""
    bare = dict.fromkeys(("url", "release", "gate", "counts", "last_deploy"))
    lines = app_lines({**bare, "app": "notes", "domains": [], "processes": []}, Paint())
    assert lines == [
        "notes",
        (
            "  release  none, it was never live; holdfast deploy brings it live, "
            "holdfast destroy --name notes forgets it"
        ),
        "  gate     none",
    ]


def test_progress() -> None:
    """Counters in words."""
    assert progress_words({"held": 1200, "in_flight": 3}) == "1,200 waiting, 3 in flight"


def shown(*events: Event) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=90, color_system=None)
    view = LiveView(console)
    for event in events:
        view(event)
    view.close()
    return out.getvalue()


def test_live_display() -> None:
    """Finished steps stay, with their time and note; so does the plan."""
    text = shown(*EVENTS, ENDED)
    assert "✓ Build the release                        1.2 s  20 packages\n" in text
    assert "  strategy   hold" in text
    assert "✓ Drain the old release                    40 ms\n" in text
    assert "! SECRET_KEY was generated and is kept\n" in text


@pytest.mark.parametrize("kind", [Kind.NOTE, Kind.RECOVERY])
def test_live_display_of_what_is_to_be_read(kind: Kind) -> None:
    """A note longer than the terminal is wide is shown to its end, on one line for copying."""
    long = f"{'word ' * 40}; holdfast deploy --follow"
    text = shown(Event(kind, {"text": long, "direction": "undo", "reason": long}))
    assert long in text


def test_live_display_of_what_moves() -> None:
    """The running step shows its counters, and the last line that was printed."""
    current = Current()
    current.begin("Drain the old release")
    current.progress({"step": "drain", "held": 12, "in_flight": 3})
    current.log({"source": "web", "line": "booting"})
    out = io.StringIO()
    Console(file=out, width=90, color_system=None).print(current)
    first, second = out.getvalue().splitlines()
    moving = " ".join(first.split()[1:])
    assert re.fullmatch(r"Drain the old release \d+ ms 12 waiting, 3 in flight", moving), moving
    assert second == "  web │ booting"


def test_live_display_of_failure() -> None:
    """What failed, and what was taken back."""
    text = shown(
        Event(Kind.STEP_STARTED, {"step": "boot", "title": "Boot"}),
        Event(Kind.STEP_FAILED, {"step": "boot", "message": "ended\nwith status 1"}),
        Event(Kind.STEP_UNDONE, {"step": "boot", "seconds": 0.2}),
        Event(Kind.RECOVERY, {"direction": "undo", "reason": "it was killed"}),
    )
    assert "✗ Boot                                            ended\n" in text
    assert "↶ Boot                                     0.2 s  undone\n" in text
    assert "! the deploy was interrupted (it was killed); undoing it\n" in text


def test_markup_in_output_is_text() -> None:
    """A program's brackets are no markup of ours."""
    text = shown(
        Event(Kind.STEP_STARTED, {"step": "x", "title": "Build"}),
        Event(Kind.STEP_DONE, {"step": "x", "seconds": 1.0, "note": "[bold]not[/bold]"}),
    )
    assert "[bold]not[/bold]" in text
