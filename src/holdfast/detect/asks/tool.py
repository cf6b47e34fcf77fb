"""Import what serves the script, and what the script imports of others.

It is known to be there then, and is compiled before it boots.
"""

from __future__ import annotations

import importlib
from typing import Any

from holdfast.detect.asks.common import enter
from holdfast.detect.asks.imports import imported


def ask(given: Any) -> dict[str, Any]:
    candidate = given["candidates"][0]
    enter(candidate)
    importlib.import_module(candidate["attribute"])
    if not candidate["file"].endswith(".py"):
        return {"chosen": 0}
    return imported(candidate["file"], own=False)
