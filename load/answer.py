"""Reading one HTTP/1.1 answer from a connection (RFC 9112), chunk by chunk."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST_HEAD = 65536


class BadAnswer(Exception):
    """What came is not an HTTP/1.1 answer, or it ended too early."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        headers: names in lower case; of a name sent twice, the last.
        reusable: the connection can carry another request.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    reusable: bool


class Reader:
    """Feed it what the socket gives; it returns the answer once that is whole.

    One reader reads one answer. Bytes beyond it are an error: we never pipeline.
    """

    __slots__ = ("_body", "_buffer", "_head", "_left", "started")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._head: tuple[int, dict[str, str]] | None = None
        self._left: int | None = None
        self._body = bytearray()
        self.started = False

    def feed(self, data: bytes) -> Answer | None:
        """Take bytes.

        Raises:
            BadAnswer: they are no HTTP/1.1 answer.
        """
        self.started = True
        self._buffer += data
        while self._head is None:
            if not self._read_head():
                return None
        if self._left is not None:
            return self._read_sized()
        return self._read_chunks() if self._chunked else None

    def end(self) -> Answer:
        """The other side closed: the answer, if closing is how it ends (RFC 9112, 6.3).

        Raises:
            BadAnswer: it was cut short.
        """
        if self._head is None or self._left is not None or self._chunked:
            raise BadAnswer("closed within an answer" if self.started else "closed unanswered")
        return self._answer(bytes(self._buffer), reusable=False)

    @property
    def _chunked(self) -> bool:
        return self._head is not None and "chunked" in self._head[1].get("transfer-encoding", "")

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _LONGEST_HEAD:
                raise BadAnswer("head of an answer without an end")
            return False
        status, headers = _parse_head(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        if 100 <= status < 200:  # an interim answer: the real one follows
            return bool(self._buffer)
        self._head = status, headers
        if status in (204, 304):
            self._left = 0
        elif "transfer-encoding" not in headers and "content-length" in headers:
            self._left = int(headers["content-length"])
        return True

    def _read_sized(self) -> Answer | None:
        assert self._left is not None
        if len(self._buffer) < self._left:
            return None
        if len(self._buffer) > self._left:
            raise BadAnswer("more bytes than the answer has")
        return self._answer(bytes(self._buffer))

    def _read_chunks(self) -> Answer | None:
        while True:
            line = self._buffer.find(b"\r\n")
            if line < 0:
                return None
            try:
                size = int(bytes(self._buffer[:line]).split(b";")[0], 16)
            except ValueError:
                raise BadAnswer("a chunk without a size") from None
            if len(self._buffer) < line + 2 + size + 2:
                return None
            if size == 0:
                return self._answer(bytes(self._body))
            self._body += self._buffer[line + 2 : line + 2 + size]
            del self._buffer[: line + 2 + size + 2]

    def _answer(self, body: bytes, *, reusable: bool = True) -> Answer:
        assert self._head is not None
        status, headers = self._head
        stays = reusable and headers.get("connection", "").lower() != "close"
        return Answer(status, headers, body, stays)


def _parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise BadAnswer(f"not an HTTP/1.1 answer: {first[:60]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return int(parts[1]), headers
