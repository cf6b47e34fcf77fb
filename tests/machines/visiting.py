"""Visitors who come by HTTPS, and count what goes wrong for them."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole.

    Attributes:
        headers: lower-case names.
        serial: of the certificate; empty by plain HTTP.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    serial: str


def get(address: str, host: str, path: str, trust: ssl.SSLContext | None) -> Answer:
    """GET ``path`` of ``host`` at ``address`` over a connection of its own; no redirect followed.

    Args:
        trust: which certificates are believed; ``None`` for plain HTTP.

    Raises:
        OSError: no connection, a certificate that is not believed, an answer that was cut.
    """
    port = 443 if trust else 80
    with socket.create_connection((address, port), _TIMEOUT) as plain:
        if trust is None:
            return _ask(plain, host, path, "")
        with trust.wrap_socket(plain, server_hostname=host) as secure:
            shown = secure.getpeercert() or {}
            return _ask(secure, host, path, str(shown.get("serialNumber", "")))


def _ask(connection: socket.socket, host: str, path: str, serial: str) -> Answer:
    request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    connection.sendall(request.encode())
    told = b""
    while piece := connection.recv(65536):
        told += piece
    head, separator, body = told.partition(b"\r\n\r\n")
    if not separator:
        raise ConnectionError(f"{host}{path}: the answer was cut")
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if len(body) < int(headers.get("content-length", 0)):
        raise ConnectionError(f"{host}{path}: the answer was cut")
    return Answer(int(first.split()[1]), headers, body, serial)


@dataclass(slots=True)
class Visitors:
    """A few who ask one after the other, each time over a new connection, until they leave.

    Attributes:
        answered: how many requests got 200.
        failed: what became of the others, and how often.
    """

    address: str
    host: str
    trust: ssl.SSLContext
    number: int = 3
    answered: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    _leaving: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._threads = [threading.Thread(target=self._come) for _ in range(self.number)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        for thread in self._threads:
            thread.join(2 * _TIMEOUT)

    def _come(self) -> None:
        while not self._leaving.is_set():
            try:
                status = get(self.address, self.host, "/", self.trust).status
                problem = "" if status == 200 else f"status {status}"
            except OSError as error:
                problem = f"{type(error).__name__}: {error}"
            with self._lock:
                self.answered += not problem
                if problem:
                    self.failed[problem] += 1
            time.sleep(0.05)
