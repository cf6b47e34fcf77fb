"""Values of variables do not show."""

from __future__ import annotations

import pytest

from holdfast.masking import masking


def test_nothing_of_a_value_is_left() -> None:
    """Also of one that begins with another; what is too short to tell apart stays."""
    masked = masking(["hunter2", "hunter2-and-more", "1", "hunter2"])
    assert masked("a hunter2-and-more b hunter2 1") == "a *** b *** 1"


@pytest.mark.parametrize(
    ("value", "line", "seen"),
    [
        ("-----BEGIN KEY-----\nMIIEvQIBADANBg\nAAAA\n", "at MIIEvQIBADANBg", "at ***"),
        ("postgres://me:p%40ssword@db/x", "FATAL: no p@ssword for me", "FATAL: no *** for me"),
        ("postgres://me:p%40ssword@db/x", "me:p%40ssword@db", "me:***@db"),
        ("hunter2 \n", "is 'hunter2'", "is '***'"),
        ("Production", "the Production settings, INFO", "the Production settings, INFO"),
        ("http://[half", "http://[half", "***"),
    ],
)
def test_parts(value: str, line: str, seen: str) -> None:
    """By lines, the password of a URL, without white space; what nobody keeps secret stays."""
    assert masking([value])(line) == seen
