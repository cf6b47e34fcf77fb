"""A backend that answers at once and writes down the order in which it is called.

``python -m bench.recording SOCKET``; ``GET /N`` is answered with ``N``, ``GET /calls`` with
the JSON list of all N so far. One thread, edge-triggered epoll(7): the kernel's ready list
then holds connections in the order in which their bytes came. What it cannot tell is whether
a connection that waits to be accepted brought its bytes before or after one that was accepted
long ago; where both come up in one turn, they are merged in favour of whoever called us.
"""

from __future__ import annotations

import heapq
import json
import select
import socket
import sys
from pathlib import Path

_HEAD = b"HTTP/1.1 200 OK\r\nX-App-Version: 1\r\nContent-Length: %d\r\n\r\n%s"


class Backend:
    """Accepts, reads, records, answers; :meth:`serve` never returns."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._poll = select.epoll()
        self._connections: dict[int, socket.socket] = {}
        self._calls: list[int] = []

    def serve(self) -> None:
        """Turn after turn."""
        door = self._listener.fileno()
        self._poll.register(door, select.EPOLLIN)
        while True:
            ready = [fd for fd, _ in self._poll.poll()]
            came = self._accept() if door in ready else []
            kept = [fd for fd in ready if fd != door]
            if came:
                # Whatever came on kept connections while we accepted belongs to this turn.
                kept += [fd for fd, _ in self._poll.poll(0) if fd != door]
            self._answer(came, self._read(kept))

    def _accept(self) -> list[tuple[int, int]]:
        """Take in all who wait, and read those that have already said what they want."""
        accepted: list[int] = []
        while True:
            try:
                connection, _ = self._listener.accept()
            except BlockingIOError:
                return self._read(accepted)
            connection.setblocking(False)
            fd = connection.fileno()
            self._connections[fd] = connection
            # First registered, then read: what comes between the two is not forgotten.
            self._poll.register(fd, select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET)
            accepted.append(fd)

    def _read(self, ready: list[int]) -> list[tuple[int, int]]:
        """The calls that lie on these connections, as (N, connection); -1 asks for the list."""
        calls = []
        for fd in ready:
            connection = self._connections.get(fd)
            if connection is None:
                continue
            try:
                data = connection.recv(65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                target = data.split(b" ", 2)[1][1:]
                calls.append((int(target) if target.isdigit() else -1, fd))
            else:
                self._connections.pop(fd).close()
        return calls

    def _answer(self, came: list[tuple[int, int]], kept: list[tuple[int, int]]) -> None:
        turn = list(heapq.merge(came, kept))
        self._calls += [number for number, _ in turn if number >= 0]
        for number, fd in turn:
            body = b"%d" % number if number >= 0 else json.dumps(self._calls).encode()
            connection = self._connections[fd]
            if number < 0:
                connection.setblocking(True)
            connection.sendall(_HEAD % (len(body), body))
            connection.setblocking(False)


def main() -> None:
    path = Path(sys.argv[1])
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(4096)
        listener.setblocking(False)
        Backend(listener).serve()


if __name__ == "__main__":
    main()
