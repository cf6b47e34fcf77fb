"""Numbers, and what happened, as a person says them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def seconds(value: float) -> str:
    """A duration: ``3 ms``, ``0.4 s``, ``12 s``, ``3 m 05 s``, ``2 h 10 m``, ``4 d 3 h``."""
    if value < 0.1:
        return f"{value * 1000:.0f} ms"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} m {whole % _MINUTE:02} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} m"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def ago(moment: float, now: float | None = None) -> str:
    """How long ago a Unix time was: ``3 m ago``; ``just now`` under two seconds."""
    passed = (time.time() if now is None else now) - moment
    return "just now" if passed < 2 else f"{seconds(passed)} ago"


def count(number: int, noun: str) -> str:
    """``1 request``, ``2 requests``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def size(bytes_: int) -> str:
    """``812 B``, ``14 kB``, ``2.3 MB``."""
    if bytes_ < 1000:
        return f"{bytes_} B"
    if bytes_ < 1_000_000:
        return f"{bytes_ / 1000:.0f} kB"
    return f"{bytes_ / 1_000_000:.1f} MB"


def recovery(data: Mapping[str, Any]) -> str:
    """What a recovery is about to do."""
    verb = {"finish": "finishing it", "undo": "undoing it"}.get(str(data.get("direction")), "")
    return f"the deploy was interrupted ({data.get('reason')}); {verb}"
