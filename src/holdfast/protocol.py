"""What the laptop's side and the server's side say to each other.

A request is one JSON object: ``{"version": 1, "method": NAME, "params": {...}}``. The
answer is lines of JSON: any number of ``{"event": ...}``, then exactly one
``{"result": ...}`` or ``{"error": {"type", "message", "hint", "detail"}}``.

Events are the one output of the engine. ``kind`` is one of :class:`Kind`; ``data`` holds
what the kind's comment names. No event ever holds a secret.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from holdfast import errors
from holdfast.records import record

VERSION = 1


class Kind(StrEnum):
    DEPLOY_QUEUED = "deploy.queued"  # deploy, app, kind
    PLAN_MADE = "plan.made"  # the plan as JSON
    STEP_STARTED = "step.started"  # step, title
    STEP_PROGRESS = "step.progress"  # step, and numbers: held, in_flight, …
    STEP_DONE = "step.done"  # step, seconds, note
    STEP_FAILED = "step.failed"  # step, message
    STEP_UNDONE = "step.undone"  # step, seconds
    RECOVERY = "recovery"  # direction ("finish" | "undo"), reason
    LOG = "log"  # source ("build", "release", "web"), line
    NOTE = "note"  # text: something the user should know
    DEPLOY_ENDED = "deploy.ended"  # outcome, release, error, hint, detail, seconds, held_ms


@record
class Event:
    """One thing that happened; ``at`` is Unix time in seconds."""

    kind: Kind
    data: Mapping[str, Any] = field(default_factory=dict)
    at: float = field(default_factory=time.time)

    def to_line(self) -> str:
        return json.dumps({"event": str(self.kind), "at": round(self.at, 4), **self.data})

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Event:
        data = {key: item for key, item in value.items() if key not in ("event", "at")}
        return cls(Kind(value["event"]), data, float(value["at"]))


Emit = Callable[[Event], None]
"""Takes one event; never raises, never blocks for long."""


@record
class Request:
    method: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"version": VERSION, "method": self.method, "params": dict(self.params)}


def error_to_json(error: errors.HoldfastError) -> dict[str, Any]:
    """The error as the values that :func:`error_from_json` takes.

    A class that some module derives for itself goes by the name of the one it derives from:
    the other side has not imported that module.
    """
    common = next(kind for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
    return {
        "type": common.__name__,
        "message": error.message,
        "hint": error.hint,
        "detail": error.detail,
    }


def error_from_json(value: Mapping[str, Any]) -> errors.HoldfastError:
    """The error again, of its own class where the class needs nothing but a message.

    Elsewhere it is a plain HoldfastError with the class's exit code.
    """
    kinds = {kind.__name__: kind for kind in _tree(errors.HoldfastError)}
    kind = kinds.get(str(value.get("type")), errors.HoldfastError)
    plain = kind not in (errors.ConfigError, errors.CommandFailed)
    error = (kind if plain else errors.HoldfastError)(
        str(value.get("message")), hint=value.get("hint"), detail=value.get("detail")
    )
    error.exit_code = kind.exit_code
    return error


def _tree(kind: type[errors.HoldfastError]) -> list[type[errors.HoldfastError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in _tree(child))]
