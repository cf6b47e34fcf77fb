"""Which interpreter a request for Python was answered with, remembered from build to build.

To ask uv takes 10 to 300 ms (it runs what it finds on ``PATH``). Remembering also keeps an
app on the interpreter it has when another one is installed beside it.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.app import Dependencies
from holdfast.files import write_json

_OTHERWISE = ("extra", "instead", "building")
_AGAIN = 3600.0
"""Seconds until a fetch that failed is tried again: without a network it takes 8 s to fail."""


class Pythons:
    """The answers in one file; a lost or damaged file is only asked anew."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, request: str | None) -> str | None:
        """The path given last time, if it is still there and ``PATH`` is the same."""
        path = self._load().get(_key(request))
        return path if path is not None and os.access(path, os.X_OK) else None

    def set(self, request: str | None, path: str) -> None:
        """Remember an answer; raises OSError when the disk is full."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._file, {**self._load(), _key(request): path})

    def interpreter(self, environment: str) -> str | None:
        """The interpreter that an environment was made with, because the one in its key did not do.

        Args:
            environment: that key.
        """
        path = self._load().get(f"interpreter {environment}")
        return path if path is not None and os.access(path, os.X_OK) else None

    def set_interpreter(self, environment: str, path: str) -> None:
        """Remember that; raises OSError when the disk is full."""
        write_json(self._file, {**self._load(), f"interpreter {environment}": path})

    def otherwise(self, environment: str, dependencies: Dependencies) -> Dependencies:
        """What an environment was made with in place of what was said, if that did not do."""
        known = self._load()
        found: dict[str, Any] = {
            name: tuple(lines.splitlines())
            for name in _OTHERWISE
            if (lines := known.get(f"lines {name} {environment}"))
        }
        return replace(dependencies, **found)

    def set_otherwise(self, environment: str, dependencies: Dependencies) -> None:
        """Remember that; raises OSError when the disk is full."""
        said = {
            f"lines {name} {environment}": "\n".join(getattr(dependencies, name))
            for name in _OTHERWISE
        }
        write_json(self._file, {**self._load(), **said})

    def worth_fetching(self, request: str) -> bool:
        """Whether it was not tried within the last hour; from now on it was."""
        last = self._load().get(f"tried {request}", "0")
        now = time.time()
        if now - float(last) < _AGAIN:
            return False
        self._file.parent.mkdir(parents=True, exist_ok=True)
        write_json(self._file, {**self._load(), f"tried {request}": str(now)})
        return True

    def _load(self) -> dict[str, str]:
        try:
            value = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return {str(key): str(path) for key, path in value.items()}


def _key(request: str | None) -> str:
    preference = os.environ.get("UV_PYTHON_PREFERENCE", "")
    return " ".join([request or "any", preference, os.environ.get("PATH", "")]).strip()
