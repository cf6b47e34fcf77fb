"""What the steps of one deploy work on."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.deploy.holding import Holding
from holdfast.deploy.journal import Journal
from holdfast.deploy.plan import Plan
from holdfast.deploy.workers import Workers
from holdfast.edge.contract import EdgeControl, Target
from holdfast.errors import Cancelled
from holdfast.layout import AppLayout
from holdfast.protocol import Emit, Event, Kind
from holdfast.records import record
from holdfast.releases.contract import ReleaseStore
from holdfast.runtimes.contract import Environment, Release, Runtime, Slot


@record
class Context:
    """One deploy: from ``old`` (``None`` the first time) to ``new``.

    Attributes:
        slot: where ``new`` listens.
        booted: when it was booted there while its app was still being asked (Unix time);
            ``None``: it was not.
        old_target: where the gate led when the deploy began.
        cancelled: whether somebody asked the deploy to stop.
    """

    deploy: str
    app: str
    layout: AppLayout
    plan: Plan
    new: Release
    old: Release | None
    slot: Slot
    booted: float | None
    old_target: Target | None
    env: Callable[[Release], Environment]
    runtime: Runtime
    edge: EdgeControl
    store: ReleaseStore
    journal: Journal
    holding: Holding
    workers: Workers
    emit: Emit
    cancelled: Callable[[], bool]

    def progress(self, step: str, **numbers: object) -> None:
        """Tell how far a step is."""
        self.emit(Event(Kind.STEP_PROGRESS, {"step": step, **numbers}))

    def note(self, text: str) -> None:
        """Tell the user something they should know."""
        self.emit(Event(Kind.NOTE, {"text": text}))

    def log(self, source: str, line: str) -> None:
        """Pass on a line that a program printed."""
        self.emit(Event(Kind.LOG, {"source": source, "line": line}))

    def check_cancelled(self) -> None:
        """Raise Cancelled if somebody asked the deploy to stop."""
        if self.cancelled():
            raise Cancelled(
                f"{self.app}: the deploy was stopped on request", hint="holdfast deploy starts anew"
            )
