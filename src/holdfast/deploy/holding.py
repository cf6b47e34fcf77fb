"""Hold an app's gate for as long as a deploy needs it, and no longer than it may."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

from holdfast.edge.contract import EdgeControl, Target
from holdfast.errors import DeployFailed, EdgeError

_TICK = 0.25
"""Seconds between two reports of the line's length."""


class Holding:
    """Keeps a hold's lease renewed from a thread, and watches the longest hold.

    The lease is what protects the site from us: when this process dies nobody renews it,
    and the edge opens by itself.

    Args:
        lease: seconds for which the edge holds without hearing from us.
        longest: seconds after which :meth:`remaining` is nought.
        on_begin: called once with the Unix time at which the hold began.
        on_tick: called now and then, from the thread, with the number of waiting requests.
    """

    def __init__(
        self,
        edge: EdgeControl,
        app: str,
        *,
        lease: float,
        longest: float,
        on_begin: Callable[[float], None] | None = None,
        on_tick: Callable[[int], None] | None = None,
    ) -> None:
        self._edge = edge
        self._app = app
        self._lease = lease
        self._longest = longest
        self._on_begin = on_begin
        self._on_tick = on_tick
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        # By the monotonic clock: a hold lasts no longer and no shorter when somebody sets the time.
        self._began: float | None = None
        self._ended: float | None = None

    @property
    def active(self) -> bool:
        return self._thread is not None

    def begin(self, began: float | None = None) -> None:
        """Hold from now on.

        Args:
            began: Unix time at which the hold really began, for a deploy that goes on after a
                crash.
        """
        self._edge.ensure()
        self._edge.hold(self._app, self._lease)
        if self._began is None:
            now = time.time()
            self._began = time.monotonic() - max(now - (began or now), 0.0)
            if self._on_begin is not None:
                self._on_begin(began or now)
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
            self._thread.start()

    def open(self, target: Target | None) -> None:
        """Open the gate; the lease is not renewed any more, whatever happens.

        Args:
            target: ``None`` opens to the last good one.
        """
        self.release()
        self._edge.ensure()
        self._edge.open(self._app, target)
        if self._began is not None and self._ended is None:
            self._ended = time.monotonic()

    def release(self) -> None:
        """Stop renewing; the gate stays as it is until the lease ends."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def remaining(self) -> float:
        """Seconds until the longest hold is over; the whole of it before a hold."""
        if self._began is None:
            return self._longest
        return self._began + self._longest - time.monotonic()

    def check(self) -> None:
        """Raise DeployFailed when the hold has lasted too long."""
        if self.remaining() <= 0:
            raise DeployFailed(
                f"{self._app}: requests have waited for the longest hold, {self._longest:g} s",
                hint="raise [deploy] longest_hold, or make the release command faster",
            )

    def milliseconds(self) -> float | None:
        """How long the gate held, or ``None`` if it never did."""
        if self._began is None:
            return None
        return ((self._ended or time.monotonic()) - self._began) * 1000

    def _renew(self) -> None:
        due = time.monotonic() + self._lease / 3
        while not self._stop.wait(_TICK):
            try:
                if time.monotonic() >= due:
                    due = time.monotonic() + self._lease / 3
                    self._edge.hold(self._app, self._lease)
                if self._on_tick is not None:
                    self._on_tick(self._edge.status(self._app)[0].counts.waiting)
            except EdgeError:
                # Killed, perhaps, or restarting: it reads its gates from disk, and the next
                # renewal comes well before the lease is over.
                with suppress(EdgeError):
                    self._edge.ensure()
