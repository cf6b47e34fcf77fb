"""What is sent, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Planned:
    """A request to be sent.

    Attributes:
        key: what a POST stores, unique in the run; it proves that it ran exactly once.
        expect: bytes that a right answer's body holds; empty for any body.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    key: str | None = None
    expect: bytes = b""


@dataclass(slots=True)
class Record:
    """One request and its one answer, or the lack of it. Times are ``time.monotonic()``.

    Attributes:
        due: when the open loop wanted it sent.
        began: when we took it up: the wait counts from here, a new connection included.
        sent: when its bytes went to the kernel; ``None`` if it never got so far.
        answered: when the last byte of the answer came, or when we knew it had failed.
        status: the answer's status; ``None`` without an answer.
        version: the answer's ``X-App-Version``, if it has one.
        error: why it counts as failed; ``None`` when all is well.
        fresh: it had a new connection.
        retried: it went to a kept connection that had just been closed, and was sent
            again on a new one, as RFC 9112 (9.3.1) allows for a GET that got no byte.
    """

    number: int
    method: str
    path: str
    key: str | None
    due: float
    began: float
    sent: float | None = None
    answered: float = 0.0
    status: int | None = None
    version: str | None = None
    error: str | None = None
    fresh: bool = False
    retried: bool = False

    @property
    def wait(self) -> float:
        """Seconds from taking it up to the end of its answer."""
        return self.answered - self.began

    @property
    def failed(self) -> bool:
        return self.error is not None


@dataclass(frozen=True, slots=True)
class Run:
    """All of a run's records, in the order in which they were taken up.

    ``epoch`` added to a record's time gives Unix time.
    """

    records: list[Record] = field(default_factory=list)
    epoch: float = 0.0
