"""Run a Streamlit script once, as a visitor's first look would: its page alone says 200 always."""

from __future__ import annotations

import importlib
import os
from typing import Any

from holdfast.detect.asks.common import enter
from holdfast.detect.asks.imports import imported
from holdfast.detect.asks.streamlit_secrets import from_environment


def ask(given: Any) -> dict[str, Any]:
    candidate = given["candidates"][0]
    enter(candidate)
    importlib.import_module("streamlit")
    from_environment()
    try:
        testing: Any = importlib.import_module("streamlit.testing.v1")
    except ImportError:  # older than 1.28: what the script imports is all that can be tried
        return imported(candidate["file"], own=True)
    shown = testing.AppTest.from_file(os.path.abspath(candidate["file"]), default_timeout=45).run()
    for item in shown.exception:
        kind = str(getattr(item.proto, "type", "")) or "Exception"
        message = str(item.value)
        name = message.partition("'")[2].partition("'")[0] if "No module named" in message else None
        failure = {"type": kind, "message": message, "name": name,
                   "traceback": "\n".join(item.stack_trace)[-4000:], "candidate": 0}  # fmt: skip
        return {"chosen": None, "failures": [failure]}
    return {"chosen": 0}
