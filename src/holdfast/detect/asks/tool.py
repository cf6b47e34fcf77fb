"""Import what serves the script: it is known to be there, and is compiled before it boots."""

from __future__ import annotations

import importlib
from typing import Any

from holdfast.detect.asks.common import enter


def ask(given: Any) -> dict[str, Any]:
    candidate = given["candidates"][0]
    enter(candidate)
    importlib.import_module(candidate["attribute"])
    return {"chosen": 0}
