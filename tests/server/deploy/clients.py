"""Single visitors who do something special: ask slowly, send much, hang up, listen for long."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.server.deploy.running import PATIENCE
from tests.server.deploy.site import Deployment


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    version: str | None
    text: str
    seconds: float


def ask(site: Deployment, path: str, method: str = "GET", body: bytes | None = None) -> Answer:
    """One request on a connection of its own."""
    began = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", site.place.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers={"Host": f"{site.app}.localhost"})
        answer = connection.getresponse()
        text = answer.read().decode()
    finally:
        connection.close()
    version = answer.getheader("X-App-Version")
    return Answer(answer.status, version, text, time.monotonic() - began)


class Asking(threading.Thread):
    """A request that takes its time; :meth:`answer` waits for it."""

    def __init__(
        self, site: Deployment, path: str, method: str = "GET", body: bytes | None = None
    ) -> None:
        super().__init__(daemon=True)
        self._what = (site, path, method, body)
        self._answer: Answer | None = None
        self.start()

    def run(self) -> None:
        self._answer = ask(*self._what)

    def answer(self) -> Answer:
        self.join(PATIENCE)
        assert self._answer is not None, f"{self._what[1]} was not answered"
        return self._answer


def post_and_hang_up(site: Deployment, path: str) -> None:
    """Send a whole POST, wait in line for a moment, and go away."""
    with socket.create_connection(("127.0.0.1", site.place.port), PATIENCE) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {site.app}.localhost\r\nContent-Length: 3\r\n\r\n"
        connection.sendall(head.encode() + b"row")
        wait_in_line(site, 1)
    wait_in_line(site, 0)


def wait_in_line(site: Deployment, number: int) -> None:
    """Until so many requests wait at the gate."""
    deadline = time.monotonic() + PATIENCE
    while site.status()["counts"]["waiting"] != number:
        assert time.monotonic() < deadline, site.status()
        time.sleep(0.02)


@contextmanager
def talking(site: Deployment) -> Iterator[ClientConnection]:
    """A WebSocket to ``asgi-live``."""
    with (
        socket.create_connection(("127.0.0.1", site.place.port), PATIENCE) as raw,
        connect(f"ws://{site.app}.localhost:{site.place.port}/talk", sock=raw) as websocket,
    ):
        yield websocket


def heard(websocket: ClientConnection, kind: str) -> dict[str, object]:
    """The next message of a kind."""
    while True:
        message: dict[str, object] = json.loads(websocket.recv(PATIENCE))
        if message["kind"] == kind:
            return message


def until_closed(websocket: ClientConnection) -> None:
    """Listen until the other side ends it."""
    with suppress(ConnectionClosed):
        while True:
            websocket.recv(PATIENCE)


class Stream:
    """An event stream from ``asgi-live``."""

    def __init__(self, site: Deployment) -> None:
        self._connection = http.client.HTTPConnection(
            "127.0.0.1", site.place.port, timeout=PATIENCE
        )
        self._connection.request("GET", "/events", headers={"Host": f"{site.app}.localhost"})
        self._answer = self._connection.getresponse()
        self.version = self.next("hello")["version"]

    def next(self, event: str) -> dict[str, object]:
        """The data of the next event of a kind; ``EOFError`` if it has ended."""
        name = ""
        while line := self._answer.readline().decode():
            if line.startswith("event: "):
                name = line[7:].strip()
            elif line.startswith("data: ") and name == event:
                data: dict[str, object] = json.loads(line[6:])
                return data
        raise EOFError

    def close(self) -> None:
        self._connection.close()
