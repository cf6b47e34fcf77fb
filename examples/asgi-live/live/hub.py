"""One message, many listeners; nobody waits for the slowest of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

BACKLOG = 100
"""Messages that wait for a listener who does not read; one more, and it is let go."""


@dataclass(frozen=True, slots=True)
class Message:
    kind: str
    data: dict[str, Any]


class Listener:
    """Messages in the order they were said, until the hub lets go."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Message | None] = asyncio.Queue(BACKLOG)

    async def __aiter__(self) -> AsyncIterator[Message]:
        while (message := await self.queue.get()) is not None:
            yield message


class Hub:
    def __init__(self) -> None:
        self._listeners: set[Listener] = set()

    @property
    def people(self) -> int:
        return len(self._listeners)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        """Hear what is said from now on; everybody is told how many listen."""
        listener = Listener()
        self._listeners.add(listener)
        self._tell_people()
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            self._tell_people()

    def say(self, message: Message) -> None:
        for listener in tuple(self._listeners):
            try:
                listener.queue.put_nowait(message)
            except asyncio.QueueFull:
                self._let_go(listener)

    def close(self) -> None:
        """Let everybody go: the app stops."""
        for listener in tuple(self._listeners):
            self._let_go(listener)

    def _let_go(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        while not listener.queue.empty():
            listener.queue.get_nowait()
        listener.queue.put_nowait(None)

    def _tell_people(self) -> None:
        self.say(Message("people", {"people": self.people}))
