"""Lines of two threads: each is whole, as a program that reads ``--json`` needs it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from holdfast.cli.show.quiet import Quiet


def test_a_line_is_never_torn() -> None:
    """What Ctrl-C has to say once stood in the middle of an event's line (1 run in many)."""
    written: list[str] = []

    def write(text: str) -> None:
        written.append(text)
        time.sleep(0.001)
        written.append("\n")

    quiet = Quiet(write)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(quiet, ["event"] * 50))
    assert "".join(written) == "event\n" * 50
