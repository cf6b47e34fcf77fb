"""An app for the tests: a server on a unix socket that writes down what reaches it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.edge.wire import Reader, WireError


@dataclass(slots=True)
class Request:
    """What the app got. ``number`` counts arrivals: for a new connection, its acceptance.

    Attributes:
        connection: for answers that :func:`reply` cannot make; the handler then returns None.
        at: when the request was whole (monotonic clock).
    """

    number: int
    method: str
    target: str
    version: str
    headers: Mapping[str, str]
    body: bytes
    connection: socket.socket = field(repr=False)
    at: float = 0.0


Answer = Callable[[Request], bytes | None]


def reply(
    body: bytes | str = b"ok", status: int = 200, headers: Mapping[str, str] | None = None
) -> bytes:
    """A whole answer with its length."""
    data = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(data)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def echo(request: Request) -> bytes:
    """The default answer: the target back, with nothing for HEAD."""
    return reply(request.target)


class Backend:
    """One slot's app.

    Attributes:
        answer: makes the bytes of an answer, or writes to the connection itself and returns
            None (then the connection is closed after it).
        delay: seconds before each answer.
        keep: whether connections are kept; without it the order of ``requests`` is exactly
            that in which the edge called.
        workers: requests answered at the same time; the others wait inside the app.
        requests: everything that was received whole, in order of ``number``.
        most: the greatest number of requests that were inside at the same time.
    """

    def __init__(self, path: Path, *, workers: int = 10_000) -> None:
        self.path = path
        self.answer: Answer = echo
        self.delay = 0.0
        self.keep = False
        self.accepted = 0
        self.most = 0
        self._taken = 0
        self._inside = 0
        self._requests: list[Request] = []
        self._free = threading.Semaphore(workers)
        self._go = threading.Event()
        self._go.set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._connections: set[socket.socket] = set()

    @property
    def address(self) -> str:
        return f"unix:{self.path}"

    @property
    def requests(self) -> list[Request]:
        with self._lock:
            return sorted(self._requests, key=lambda one: one.number)

    @property
    def targets(self) -> list[str]:
        return [one.target for one in self.requests]

    @property
    def inside(self) -> int:
        """Requests that are in here now."""
        return self._inside

    def start(self) -> Backend:
        """Listen; again after a crash."""
        self.path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self.path.chmod(0o777)  # nginx's workers may be another user
        self._listener.listen(4096)
        return self.serve(self._listener)

    def serve(self, listener: socket.socket) -> Backend:
        """Take connections from a socket that listens already."""
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    @property
    def connections(self) -> int:
        """Connections that have been accepted so far."""
        return self._taken

    def close_connections(self) -> None:
        """Close those that are open, as a server does with kept ones."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def pause(self) -> None:
        """Answer nothing until :meth:`resume`."""
        self._go.clear()

    def resume(self) -> None:
        self._go.set()

    def crash(self, leaves: Literal["nothing", "socket"] = "nothing") -> None:
        """Close everything at once; the socket's file stays (connections are refused) or not."""
        if self._listener is not None:
            # close() alone leaves a thread that blocks in accept() holding it open.
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.close_connections()
        self._go.set()
        if leaves == "nothing":
            self.path.unlink(missing_ok=True)

    stop = crash

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                number = self.accepted
                self.accepted += 1
                self._taken += 1
                self._connections.add(connection)
            threading.Thread(target=self._serve, args=(connection, number), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            reader = Reader(connection)
            while self._one(connection, reader, number) and self.keep:
                with self._lock:
                    number = self.accepted
                    self.accepted += 1
        except (OSError, WireError):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()

    def _one(self, connection: socket.socket, reader: Reader, number: int) -> bool:
        """Receive and answer one request; whether another may follow."""
        got = reader.request()
        if got is None:
            return False
        request = Request(number, *got, connection, time.monotonic())
        with self._lock:
            self._requests.append(request)
            self._inside += 1
            self.most = max(self.most, self._inside)
        try:
            with self._free:
                if self.delay:
                    time.sleep(self.delay)
                self._go.wait(60)
                answer = self.answer(request)
        finally:
            with self._lock:
                self._inside -= 1
        if answer is None:
            return False
        if not self.keep:
            answer = answer.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        head, _, body = answer.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n" + (b"" if request.method == "HEAD" else body))
        return True
