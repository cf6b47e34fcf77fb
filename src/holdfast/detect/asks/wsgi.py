"""Ask a WSGI app: can it be called, and is it one?"""

from __future__ import annotations

from typing import Any

from holdfast.detect.asks.common import NotThis, engines, first
from holdfast.detect.asks.speaking import speaks


def ask(given: Any) -> dict[str, Any]:
    return first(given, examine)


def examine(app: Any, candidate: Any) -> dict[str, Any]:
    spoken = speaks(app)
    if spoken is None:
        raise NotThis("%r cannot be called with (environ, start_response)" % app)
    answer: dict[str, Any] = dict(engines(), interface=spoken)
    return answer
