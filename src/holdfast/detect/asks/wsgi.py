"""Ask a WSGI app: can it be called?"""

from __future__ import annotations

import inspect
from typing import Any

from holdfast.detect.asks.common import NotThis, engines, first


def ask(given: Any) -> dict[str, Any]:
    return first(given, examine)


def examine(app: Any, candidate: Any) -> dict[str, Any]:
    if not callable(app) or inspect.iscoroutinefunction(app):
        raise NotThis("%r cannot be called with (environ, start_response)" % app)
    answer: dict[str, Any] = engines()
    return answer
