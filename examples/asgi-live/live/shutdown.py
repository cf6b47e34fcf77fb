"""Event streams never end by themselves, and a server that is asked to stop waits for them."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def on_terminate(action: Callable[[], None]) -> Iterator[None]:
    """Run ``action`` in the event loop at SIGTERM, then do what the server does at SIGTERM."""
    before = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield  # the tests' client, or a server that does not stop by signals
        return
    loop = asyncio.get_running_loop()

    def terminate(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(action)
        before(number, frame)

    signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
