"""Values of secrets do not show."""

from __future__ import annotations

from holdfast.releases.masking import masking


def test_nothing_of_a_value_is_left() -> None:
    """Also of one that begins with another; what is too short to tell apart stays."""
    masked = masking(["hunter2", "hunter2-and-more", "1", "hunter2"])
    assert masked("a hunter2-and-more b hunter2 1") == "a *** b *** 1"
