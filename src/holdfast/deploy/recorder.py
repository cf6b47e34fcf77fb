"""Writes down what one deploy does: each step before and after, and an event for people."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from holdfast.deploy import reserve
from holdfast.deploy.context import Context
from holdfast.deploy.failpoint import Failpoint
from holdfast.deploy.journal import Deploy, Journal, StepState
from holdfast.deploy.step import Step
from holdfast.errors import DeployFailed, HoldfastError
from holdfast.files import free_megabytes, is_full, refused, whose
from holdfast.masking import masking
from holdfast.protocol import Event, Kind, error_to_json

T = TypeVar("T")

_PRINTED = {Kind.LOG: "line", Kind.NOTE: "text"}
"""Events with words of other programs in them, and where."""

_BARRED = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM", "SQLITE_AUTH")
"""How SQLite calls a file that we may not read or write, among other things."""


def named(app: str | None, error: Exception, root: Path) -> HoldfastError:
    """The error as one of ours: a full disk and a damaged journal have no class of their own."""
    about = "" if app is None else f"{app}: "
    if isinstance(error, HoldfastError):
        return error
    if is_full(error, root):
        return DeployFailed(
            f"{about}the disk is full: {free_megabytes(root)} MB are left for {root}",
            hint=reserve.HINT,
        )
    if isinstance(error, sqlite3.Error):
        journal = root / "journal.db"
        barred = getattr(error, "sqlite_errorname", "").startswith(_BARRED)
        hint = (whose(journal, root) if barred else None) or "is it damaged?"
        return HoldfastError(f"{about}{journal}: {error}", hint=hint)
    if isinstance(error, OSError) and (told := refused(error, root)):
        told.message = f"{about}{told.message}"
        return told
    return HoldfastError(f"{about}{error}", hint="is a directory not ours?")


class Recorder:
    """Journal and events of one deploy.

    Args:
        secrets: the values that the app's variables have now. What programs print, and what is
            said of it, is written down without them.
    """

    def __init__(
        self,
        journal: Journal,
        deploy: Deploy,
        failpoint: Failpoint,
        secrets: Callable[[], Iterable[str]],
    ) -> None:
        self._journal = journal
        self._deploy = deploy
        self._failpoint = failpoint
        self._secrets = secrets
        self._masked = masking(secrets())

    def named(self, error: Exception) -> HoldfastError:
        """The error as one of ours, without the value of any variable."""
        ours = named(self._deploy.app, error, self._journal.path.parent)
        self._masked = masking(self._secrets())
        ours.message = self._masked(ours.message)
        ours.hint = ours.hint and self._masked(ours.hint)
        ours.detail = ours.detail and self._masked(ours.detail)
        return ours

    def emit(self, event: Event) -> None:
        """Add an event; a journal that cannot be written loses the event, not the deploy."""
        if (said := _PRINTED.get(event.kind)) is not None:
            text = self._masked(str(event.data[said]))
            event = replace(event, data={**event.data, said: text})
        with suppress(sqlite3.Error):
            self._journal.add_event(self._deploy.id, event)

    def tell(self, kind: Kind, **data: object) -> None:
        self.emit(Event(kind, data))

    def step(self, name: str, title: str, do: Callable[[], T]) -> T:
        """Run ``do`` as a step; its result is the note if it is a string."""
        self._masked = masking(self._secrets())  # not for each line: a build prints thousands
        self._failpoint.reach(f"before:{name}")
        self._journal.step(self._deploy.id, name, StepState.STARTED)
        self.tell(Kind.STEP_STARTED, step=name, title=title)
        started = time.monotonic()
        try:
            result = do()
        except Exception as error:
            with suppress(sqlite3.Error):
                self._journal.step(self._deploy.id, name, StepState.FAILED)
            message = self.named(error).message
            self.tell(Kind.STEP_FAILED, step=name, title=title, message=message)
            raise
        note = result if isinstance(result, str) else None
        self._journal.step(self._deploy.id, name, StepState.DONE, note)
        seconds = round(time.monotonic() - started, 3)
        self.tell(Kind.STEP_DONE, step=name, title=title, seconds=seconds, note=note)
        self._failpoint.reach(f"after:{name}")
        return result

    def undo(self, step: Step, context: Context) -> HoldfastError | None:
        """Take a step back; what went wrong is returned, for the others must be tried too."""
        self._failpoint.reach(f"undo:{step.name}")
        started = time.monotonic()
        try:
            if step.undo is not None:
                step.undo(context)
        except (HoldfastError, OSError, sqlite3.Error) as error:
            return self.named(error)
        with suppress(sqlite3.Error):
            self._journal.step(self._deploy.id, step.name, StepState.UNDONE)
        if step.undo is not None:
            seconds = round(time.monotonic() - started, 3)
            self.tell(Kind.STEP_UNDONE, step=step.name, title=step.title, seconds=seconds)
        return None

    def end(
        self,
        outcome: str,
        *,
        release: str | None = None,
        error: HoldfastError | None = None,
        held_ms: float | None = None,
    ) -> None:
        """The deploy is over."""
        now = time.time()
        told = None if error is None else error_to_json(error)
        event = Event(
            Kind.DEPLOY_ENDED,
            {
                "outcome": outcome,
                "release": release,
                "seconds": round(now - self._deploy.created, 3),
                "held_ms": None if held_ms is None else round(held_ms, 1),
                "error": told,
            },
        )
        with suppress(sqlite3.Error):
            self._journal.end(
                self._deploy.id, event, outcome=outcome, ended=now, held_ms=held_ms, error=told
            )
