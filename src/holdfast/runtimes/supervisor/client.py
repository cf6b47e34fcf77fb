"""supervisord's XML-RPC over its unix socket."""

from __future__ import annotations

import http.client
import xmlrpc.client
from pathlib import Path
from typing import Any

from holdfast.errors import ProcessError
from holdfast.unix_http import UnixConnection

# supervisor/xmlrpc.py, class Faults
BAD_NAME = 10
ALREADY_STARTED = 60
NOT_RUNNING = 70
ALREADY_ADDED = 90
STILL_RUNNING = 91


class Client:
    """Calls to the supervisord that listens on ``path``; each has its own connection."""

    def __init__(self, path: Path, timeout: float = 10.0) -> None:
        self._path = path
        self._proxy = xmlrpc.client.ServerProxy(
            "http://localhost", transport=_UnixTransport(str(path), timeout)
        )

    def answers(self) -> bool:
        """Whether somebody listens and is not about to end."""
        try:
            state: Any = self._proxy.supervisor.getState()
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False
        return int(state["statecode"]) == 1

    def call(self, method: str, *params: Any, fine: tuple[int, ...] = ()) -> Any:
        """Call ``supervisor.METHOD``.

        Args:
            fine: fault codes that mean that there was nothing to do; the answer is then
                ``None``.

        Raises:
            ProcessError: supervisord is not there, or refuses.
        """
        try:
            return getattr(self._proxy.supervisor, method)(*params)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in fine:
                return None
            named = f" {params[0]}" if params else ""
            raise ProcessError(
                f"supervisord: {method}{named}: {fault.faultString}",
                hint=f"its log is {self._path.parent / 'supervisord.log'}",
            ) from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as error:
            raise ProcessError(
                f"supervisord does not answer on {self._path}: {error}",
                hint=f"its log is {self._path.parent / 'supervisord.log'}",
            ) from None


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__()
        self._path = path
        self._timeout = timeout

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return UnixConnection(self._path, self._timeout)
