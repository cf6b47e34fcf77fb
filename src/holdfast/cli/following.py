"""A deploy as it runs: its events shown, and what Ctrl-C does.

A deploy goes on whether we watch or not. The first Ctrl-C asks the agent to stop it, and
we go on watching until it has been undone; the second stops the watching.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from holdfast.cli.invocation import Invocation
from holdfast.cli.project import App
from holdfast.cli.show.view import View, open_view
from holdfast.errors import HoldfastError
from holdfast.protocol import Event, Kind, Request

_LONGEST_ASKING = 10.0
"""Seconds that the second Ctrl-C waits for the first one's question to arrive."""


class Detached(KeyboardInterrupt):
    """The second Ctrl-C: watching ends, the deploy does not."""


@contextmanager
def showing(invocation: Invocation) -> Iterator[View]:
    """A view for the length of a block."""
    view = open_view(invocation)
    try:
        yield view
    finally:
        view.close()


def follow(app: App, request: Request, view: View) -> dict[str, Any]:
    """Start or re-attach to a deploy and watch it to its end.

    Returns:
        the result of a deploy that succeeded.

    Raises:
        HoldfastError: what made it fail; it has been undone.
        KeyboardInterrupt: Ctrl-C before there was a deploy to stop, or a second one.
    """
    watched = _Watched(view)
    try:
        with _ctrl_c(app, watched):
            return app.transport.call(request, watched)
    except HoldfastError:
        watched.say_what_serves()
        raise


class _Watched:
    """Passes events on, and keeps what a person wants to know when it ends badly."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.queued = False
        self._previous: str | None = None
        self._outcome: str | None = None

    def __call__(self, event: Event) -> None:
        self.queued = True
        if event.kind is Kind.PLAN_MADE:
            self._previous = (event.data.get("plan") or event.data).get("previous")
        if event.kind is Kind.DEPLOY_ENDED:
            self._outcome = event.data.get("outcome")
        self.view(event)

    def say(self, text: str) -> None:
        self.view(Event(Kind.NOTE, {"text": text}))

    def say_what_serves(self) -> None:
        if self._outcome == "undone" and self._previous:
            self.say(f"everything is as it was: {self._previous} serves")


@contextmanager
def _ctrl_c(app: App, watched: _Watched) -> Iterator[None]:
    """While the block runs, SIGINT asks the deploy to stop instead of stopping us.

    The agent is asked from another thread: the signal may have come in the middle of
    anything that this one does.
    """
    asking = threading.Thread(target=_cancel, args=(app, watched), daemon=True)
    presses, asked = 0, False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal presses, asked
        if not watched.queued:
            raise KeyboardInterrupt
        presses += 1
        if presses == 1:
            # A second press may come in the middle of this, and an exception there leaves a
            # lock of the thread's half taken: it is counted, and raised when this is done.
            asking.start()
            asked = True
        if asked and presses > 1:
            raise Detached

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    except Detached:
        asking.join(_LONGEST_ASKING)  # ended with us, the deploy would never hear of it
        raise Detached(
            "no longer watching; the deploy is being stopped and undone."
            f" Watch it again: {app.typed('deploy', '--follow')}"
        ) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _cancel(app: App, watched: _Watched) -> None:
    watched.say("stopping the deploy; Ctrl-C again stops watching")
    try:
        cancelled = app.call("cancel").get("cancelled")
    except HoldfastError as error:
        watched.say(f"it cannot be asked to stop: {error.message}")
        return
    if not cancelled:
        watched.say("there is no deploy left to stop")
