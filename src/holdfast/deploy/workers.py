"""Old workers finish what they have while the new web boots; new ones are made ready meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from concurrent.futures import Future


class Workers:
    """The workers of one deploy, stopped beside whatever else it does.

    Args:
        stop: stops the old ones; returns when they have ended.
        prepare: makes the new ones ready to be started, once the old ones have ended.
        touched: an engine before this one may have asked them to finish.
    """

    def __init__(
        self, stop: Callable[[], None], prepare: Callable[[], None], *, touched: bool
    ) -> None:
        self._stop = stop
        self._prepare = prepare
        self._touched = touched
        self._ending: Future[None] | None = None
        self._preparing: Future[None] | None = None

    def finish(self) -> None:
        """Ask the old ones to finish, once; returns at once."""
        if self._ending is not None:
            return
        from concurrent.futures import ThreadPoolExecutor  # 10 ms that most commands need not pay

        self._touched = True
        work = ThreadPoolExecutor(1, "workers")
        self._ending = work.submit(self._stop)
        self._preparing = work.submit(self._make_ready, self._ending)
        work.shutdown(wait=False)

    @property
    def have_ended(self) -> bool:
        """Whether the old ones were asked to finish, and have."""
        return self._ending is not None and self._ending.done()

    def finished(self) -> None:
        """Wait until the old ones have ended, if they were asked; raise what keeps them."""
        if self._ending is not None:
            self._ending.result()

    def ready(self) -> None:
        """Wait until nothing is done here any more."""
        if self._preparing is not None:
            self._preparing.result()

    def back(self, start: Callable[[], None]) -> None:
        """Have the old ones run again, if they were asked to finish: what ends is let end first."""
        if not self._touched:
            return
        self.ready()
        self._stop()
        start()
        self._ending = self._preparing = None
        self._touched = False

    def _make_ready(self, ending: Future[None]) -> None:
        if ending.exception() is None:
            # What is wrong is said when they are started.
            with suppress(HoldfastError, OSError):
                self._prepare()
