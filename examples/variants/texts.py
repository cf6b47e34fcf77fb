"""Lines that stand in the variants of more than one example."""

from __future__ import annotations

import re

DEPENDENCY = "humanize==4.17.0\n"

FAIL = 'raise RuntimeError("this migration fails halfway")'
HANG = "while True:\n        time.sleep(3600)"

_UNDER_THE_SERVER = """

import os
import time

# Gunicorn says in the environment that it is what loads the app.
if os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
"""
NOT_LOADING = _UNDER_THE_SERVER + '    raise RuntimeError("this version does not boot")\n'
HANG_LOADING = _UNDER_THE_SERVER + "    time.sleep(1_000_000)\n"


def column(version: str) -> str:
    """The name of the column that a version adds."""
    return "written_by_" + re.sub(r"[.-]", "_", version).lower()
