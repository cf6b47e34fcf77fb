"""Requests to an address of a slot, and waiting for what is about to happen."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def wait_for(what: Callable[[], T], timeout: float = 60.0) -> T:
    """The first true value that ``what`` gives; an OSError means not yet."""
    deadline = time.monotonic() + timeout
    while True:
        try:
            if value := what():
                return value
        except (OSError, http.client.HTTPException):
            pass
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def ask(address: str, path: str = "/") -> Any:
    """The JSON that the server at ``address`` answers."""
    connection = http.client.HTTPConnection("localhost", timeout=60)
    if address.startswith("unix:"):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(60)
        connection.sock.connect(address.removeprefix("unix:"))
    else:
        host, port = address.split(":")
        connection.sock = socket.create_connection((host, int(port)), timeout=60)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def answering(address: str) -> Any:
    """What it answers as soon as it does."""
    return wait_for(lambda: ask(address))
