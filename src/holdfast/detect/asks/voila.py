"""Run a notebook once, as Voila does for each visitor: its page says 200 whatever a cell did."""

from __future__ import annotations

import importlib
from typing import Any

from holdfast.detect.asks.common import enter

LONGEST = 60
"""Seconds for one cell."""


def ask(given: Any) -> dict[str, Any]:
    candidate = given["candidates"][0]
    enter(candidate)
    nbformat: Any = importlib.import_module("nbformat")
    nbclient: Any = importlib.import_module("nbclient")
    errors: Any = importlib.import_module("nbclient.exceptions")
    notebook = nbformat.read(candidate["file"], as_version=4)
    client = nbclient.NotebookClient(notebook, timeout=LONGEST, kernel_name="python3")
    try:
        client.execute()
    except errors.CellExecutionError as error:
        message = str(error.evalue)
        name = message.partition("'")[2].partition("'")[0] if "No module named" in message else None
        failure = {"type": str(error.ename), "message": message, "name": name,
                   "traceback": plain(str(error.traceback))[-4000:], "candidate": 0}  # fmt: skip
        return {"chosen": None, "failures": [failure]}
    return {"chosen": 0}


def plain(text: str) -> str:
    """Without the colours that IPython gives its tracebacks."""
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)
