"""A small real HTTP server in a thread, whose behaviour a test chooses, answer by answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Handler = Callable[[socket.socket, bytes, int], bool]
"""Takes the connection, a request's bytes and its number; says whether to keep the connection."""


@contextmanager
def serving(handle: Handler) -> Iterator[int]:
    """Serve on a free port of 127.0.0.1; each connection has a thread."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    numbers = iter(range(10**9))
    lock = threading.Lock()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    def talk(connection: socket.socket) -> None:
        with connection:
            while request := _read_request(connection):
                with lock:
                    number = next(numbers)
                if not handle(connection, request, number):
                    return

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def answer(
    connection: socket.socket, body: bytes, *, status: str = "200 OK", extra: str = ""
) -> bool:
    """Send a whole answer; true, for a handler to end with."""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    connection.sendall(head.encode() + body)
    return True


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        try:
            chunk = connection.recv(65536)
        except OSError:
            return b""
        if not chunk:
            return b""
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
