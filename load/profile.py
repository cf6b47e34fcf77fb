"""How much load, how, and for how long at most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from load.records import Planned


class Traffic(Protocol):
    """What visitors do: an endless stream of requests, and a look at the answers."""

    def requests(self) -> Iterator[Planned]:
        """The requests, one after the other."""
        ...


@dataclass(frozen=True, slots=True)
class Profile:
    """An open loop: request *i* is due at *i / rate* seconds, whatever became of the others.

    It is bounded in every direction, and ends by itself.

    Attributes:
        host: the ``Host`` header; by it the edge tells apps apart.
        rate: requests a second.
        seconds: for how long requests are sent, at most.
        most: requests sent, at most.
        most_open: connections at once; a request beyond them is not sent, and has failed.
        fresh_every: every so many requests one is sent on a connection of its own, with
            ``Connection: close``; 1 for all, 0 for none but where no idle one is left.
        timeout: seconds from taking a request up to its whole answer.
    """

    host: str
    port: int
    rate: float
    seconds: float = 60.0
    most: int = 100_000
    most_open: int = 4_000
    fresh_every: int = 4
    timeout: float = 60.0
    address: str = "127.0.0.1"
    headers: tuple[tuple[str, str], ...] = field(default=())


def encode(planned: Planned, profile: Profile, *, close: bool) -> bytes:
    """The request as bytes (RFC 9112)."""
    lines = [f"{planned.method} {planned.path} HTTP/1.1", f"Host: {profile.host}"]
    lines += [f"{name}: {value}" for name, value in (*profile.headers, *planned.headers)]
    if planned.body or planned.method != "GET":
        lines.append(f"Content-Length: {len(planned.body)}")
    if close:
        lines.append("Connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + planned.body
