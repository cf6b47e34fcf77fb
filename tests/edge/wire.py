"""HTTP/1 as bytes on a socket: what a library would hide is what these tests are about."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PATIENCE = 20.0
"""Seconds after which a missing answer fails a test; the machine may be busy."""

UNANSWERED = "closed without an answer"
"""What a :class:`WireError` says when not one byte came."""


class WireError(Exception):
    """The other side closed in the middle, or said what is no HTTP."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; header names in lower case, the last of several values."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Reader:
    """Reads messages from a socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._data = b""

    def head(self) -> tuple[str, dict[str, str]] | None:
        """The first line and the headers; None when the other side closed before any byte."""
        while b"\r\n\r\n" not in self._data:
            if not self._more():
                if self._data:
                    raise WireError(f"closed in the middle of {self._data!r}")
                return None
        text, _, self._data = self._data.partition(b"\r\n\r\n")
        first, *lines = text.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return first, {name.strip().lower(): value.strip() for name, _, value in pairs}

    def request(self) -> tuple[str, str, str, dict[str, str], bytes] | None:
        """Method, target, version, headers, body."""
        head = self.head()
        if head is None:
            return None
        method, target, version = head[0].split(" ", 2)
        return method, target, version, head[1], self.body(head[1])

    def response(self, *, head_only: bool = False) -> Response:
        """A final answer; 100 Continue is passed over."""
        while True:
            head = self.head()
            if head is None:
                raise WireError(UNANSWERED)
            status = int(head[0].split(" ", 2)[1])
            if status != 100:
                break
        bare = head_only or status in (101, 204, 304)
        return Response(status, head[1], b"" if bare else self.body(head[1], to_end=True))

    def body(self, headers: Mapping[str, str], *, to_end: bool = False) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(iter(self.chunk, b""))
        if "content-length" in headers:
            return self.exactly(int(headers["content-length"]))
        while to_end and self._more():
            pass
        body, self._data = (self._data, b"") if to_end else (b"", self._data)
        return body

    def chunk(self) -> bytes:
        """One chunk of a chunked body; the last is empty."""
        size = int(self.line().split(b";")[0], 16)
        data = self.exactly(size)
        self.exactly(2)
        return data

    def line(self) -> bytes:
        while b"\r\n" not in self._data:
            if not self._more():
                raise WireError("closed in the middle of a line")
        line, _, self._data = self._data.partition(b"\r\n")
        return line

    def exactly(self, size: int) -> bytes:
        parts, have = [self._data], len(self._data)
        while have < size:
            part = self._socket.recv(1 << 20)
            if not part:
                raise WireError(f"closed after {have} of {size} bytes")
            parts.append(part)
            have += len(part)
        whole = b"".join(parts)
        self._data = whole[size:]
        return whole[:size]

    def some(self) -> bytes:
        """What is there, or comes next."""
        if not self._data and not self._more():
            return b""
        data, self._data = self._data, b""
        return data

    def _more(self) -> bool:
        data = self._socket.recv(65536)
        self._data += data
        return bool(data)


def request_bytes(
    method: str, target: str, host: str, body: bytes | None = None, **headers: str
) -> bytes:
    """A request; ``Content_Type="…"`` becomes ``Content-Type: …``."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


class Client:
    """One connection to the edge."""

    def __init__(self, port: int, host: str, *, address: str = "127.0.0.1") -> None:
        self.host = host
        self.socket = socket.create_connection((address, port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self.socket)

    def send(self, target: str, method: str = "GET", body: bytes | None = None, **h: str) -> Client:
        """Send a request and don't wait for its answer."""
        self.socket.sendall(request_bytes(method, target, self.host, body, **h))
        return self

    def read(self, *, head_only: bool = False) -> Response:
        return self.reader.response(head_only=head_only)

    def ask(
        self, target: str, method: str = "GET", body: bytes | None = None, **h: str
    ) -> Response:
        """Send a request and read its answer."""
        return self.send(target, method, body, **h).read(head_only=method == "HEAD")

    def silent(self, seconds: float = 0.2) -> bool:
        """Whether nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            return not self.reader.some() and False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Hang up as a browser does: FIN."""
        self.socket.close()

    def reset(self) -> None:
        """Hang up with RST, as a crashed client's kernel does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
