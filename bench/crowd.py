"""Ten thousand visitors, each with a connection, who all wait at the same time.

``python -m bench.crowd PORT HOST N FILE``: opens N connections one after the other and sends
``GET /0``, ``GET /1``, … on them; says ``waiting`` on standard output when all are sent; reads
the answers; writes FILE, a JSON list of ``[sent, answered, right]``, one for each visitor in
the order of sending, times by the monotonic clock, which all processes share.

One thread on one core sends, so that the kernel hands the bytes over in the order sent.
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import sys
import time
from pathlib import Path

_BATCH = 100
"""Connections opened in a row; then a pause, so that nginx's listen queue (511) never fills."""
_PAUSE = 0.004
_PATIENCE = 60.0

Seen = tuple[float, float, bool]


def enough_files(count: int) -> None:
    """Let this process and its children have ``count`` connections open.

    Raises:
        SystemExit: the machine forbids it; says what to do.
    """
    want = count + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= want or soft == resource.RLIM_INFINITY:
        return
    try:
        most = max(hard, want) if hard != resource.RLIM_INFINITY else hard
        resource.setrlimit(resource.RLIMIT_NOFILE, (want, most))
    except (ValueError, OSError):
        raise SystemExit(
            f"{want} open files are needed, {hard} allowed: ulimit -n {want}"
        ) from None


def send_all(port: int, host: str, count: int) -> tuple[list[socket.socket], list[float]]:
    """Open ``count`` connections and ask on each; when each was sent."""
    connections, sent = [], []
    for number in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
        request = b"GET /%d HTTP/1.1\r\nHost: %s\r\n\r\n" % (number, host.encode())
        sent.append(time.monotonic())
        connection.sendall(request)
        connections.append(connection)
        if number % _BATCH == _BATCH - 1:
            time.sleep(_PAUSE)
    return connections, sent


def read_all(connections: list[socket.socket], sent: list[float]) -> list[Seen]:
    """Wait for every answer, or for the end of our patience."""
    poll = select.epoll()
    places = {connection.fileno(): place for place, connection in enumerate(connections)}
    for connection in connections:
        poll.register(connection.fileno(), select.EPOLLIN)
    seen: list[Seen] = [(moment, 0.0, False) for moment in sent]
    deadline = time.monotonic() + _PATIENCE
    while places and (left := deadline - time.monotonic()) > 0:
        for fd, _ in poll.poll(left, 512):
            place = places.pop(fd)
            data = connections[place].recv(65536)
            seen[place] = (sent[place], time.monotonic(), _right(data, place))
            poll.unregister(fd)
    return seen


def _right(data: bytes, place: int) -> bool:
    """A whole answer that is meant for this visitor (it is small: it comes in one piece)."""
    return data.startswith(b"HTTP/1.1 200") and data.endswith(b"\r\n\r\n%d" % place)


def main() -> None:
    port, host, count, target = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])
    enough_files(count)
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    connections, sent = send_all(port, host, count)
    os.sched_setaffinity(0, cores)
    print("waiting", flush=True)
    target.write_text(json.dumps(read_all(connections, sent)))


if __name__ == "__main__":
    main()
