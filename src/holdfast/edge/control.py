"""Talk to the edge's control socket: HTTP and JSON over a unix socket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from holdfast.errors import EdgeError

_TIMEOUT = 5.0


class Control:
    """The control socket of one edge."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def refresh(self) -> None:
        """Have every worker read the gates again; when this returns they have."""
        self._ask("POST", "/refresh")

    def status(self, app: str | None = None) -> dict[str, Any]:
        """Counts of one app or all: see ``lua/holdfast/control.lua``."""
        return self._ask("GET", "/status" if app is None else f"/status?app={app}")

    def answers(self) -> bool:
        """Whether somebody listens and answers."""
        try:
            self.status("-")
        except EdgeError:
            return False
        return True

    def _ask(self, method: str, path: str) -> dict[str, Any]:
        from http.client import HTTPException  # late: most commands never ask, and it takes 20 ms

        from holdfast.unix_http import UnixConnection

        connection = UnixConnection(str(self._path), _TIMEOUT)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            value = json.loads(response.read())
        except (OSError, HTTPException, ValueError) as error:
            raise EdgeError(
                f"the edge does not answer on its control socket ({error})",
                hint="holdfast edge status says whether nginx runs; any deploy starts it",
            ) from error
        finally:
            connection.close()
        if response.status != 200:
            raise EdgeError(f"the edge refused {path}: {value.get('error')}")
        return dict(value)
