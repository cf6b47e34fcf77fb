"""Run a Streamlit script once, as a visitor's first look would: its page alone says 200 always."""

from __future__ import annotations

import ast
import importlib
import os
from typing import Any

from holdfast.detect.asks.common import enter, failure
from holdfast.detect.asks.streamlit_secrets import from_environment


def ask(given: Any) -> dict[str, Any]:
    candidate = given["candidates"][0]
    enter(candidate)
    importlib.import_module("streamlit")
    from_environment()
    try:
        testing: Any = importlib.import_module("streamlit.testing.v1")
    except ImportError:  # older than 1.28: what the script imports is all that can be tried
        return imported(candidate["file"])
    shown = testing.AppTest.from_file(os.path.abspath(candidate["file"]), default_timeout=45).run()
    for item in shown.exception:
        kind = str(getattr(item.proto, "type", "")) or "Exception"
        message = str(item.value)
        name = message.partition("'")[2].partition("'")[0] if "No module named" in message else None
        failure = {"type": kind, "message": message, "name": name,
                   "traceback": "\n".join(item.stack_trace)[-4000:], "candidate": 0}  # fmt: skip
        return {"chosen": None, "failures": [failure]}
    return {"chosen": 0}


def imported(file: str) -> dict[str, Any]:
    """Whether everything can be imported that the script imports first."""
    with open(file, "rb") as script:
        tree = ast.parse(script.read(), file)
    for node in tree.body:
        try:
            if isinstance(node, ast.Import):
                for item in node.names:
                    importlib.import_module(item.name)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                _imported_from(node.module, [item.name for item in node.names])
        except Exception as error:
            return {"chosen": None, "failures": [{**failure(error), "candidate": 0}]}
    return {"chosen": 0}


def _imported_from(module: str, names: list[str]) -> None:
    found = importlib.import_module(module)
    for name in names:
        if name != "*" and not hasattr(found, name):
            importlib.import_module(f"{module}.{name}")
