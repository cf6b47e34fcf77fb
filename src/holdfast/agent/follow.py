"""Follow a deploy's events until it ends, and see to it that somebody works on it."""

from __future__ import annotations

import time
from typing import Any

from holdfast.deploy.journal import Deploy, Stage
from holdfast.deploy.lock import is_held
from holdfast.deploy.machine import Machine
from holdfast.errors import DeployFailed
from holdfast.protocol import Emit, error_from_json

_POLL = 0.01
_UNATTENDED = 1.0
"""Seconds without an engine after which it is started again."""


def follow(machine: Machine, deploy: Deploy, emit: Emit) -> dict[str, Any]:
    """Pass on the deploy's events, those of the past too, until it has ended.

    Returns:
        the result of the ``deploy`` method.

    Raises:
        HoldfastError: what made the deploy fail, as its own class.
    """
    seen = 0
    unattended = time.monotonic()
    lock = machine.layout.app(deploy.app).lock
    while True:
        ended = machine.journal.get(deploy.id).stage is Stage.ENDED
        for number, event in machine.journal.events(deploy.id, seen):
            seen = number
            emit(event)
        if ended:
            return result(machine.journal.get(deploy.id))
        if is_held(lock):
            unattended = time.monotonic()
        elif time.monotonic() - unattended > _UNATTENDED:
            machine.runtime.start_engine(deploy.app)
            unattended = time.monotonic()
        time.sleep(_POLL)


def settle(machine: Machine, app: str) -> None:
    """If a deploy of the app is unfinished and nobody works on it, have it recovered."""
    deploy = machine.journal.unfinished(app)
    if deploy is not None and not is_held(machine.layout.app(app).lock):
        machine.runtime.ensure()
        machine.runtime.start_engine(app)


def result(deploy: Deploy) -> dict[str, Any]:
    """How a deploy ended, as the ``deploy`` method tells it.

    Raises:
        HoldfastError: it did not end well.
    """
    if deploy.outcome in ("succeeded", "planned"):
        return {
            "deploy": deploy.id,
            "outcome": deploy.outcome,
            "release": deploy.release,
            "previous": deploy.previous,
            "strategy": deploy.strategy,
            "seconds": round((deploy.ended or deploy.created) - deploy.created, 3),
            "held_ms": None if deploy.held_ms is None else round(deploy.held_ms, 1),
            "problem": None if deploy.error is None else deploy.error["message"],
        }
    if deploy.error is None:
        raise DeployFailed(f"{deploy.app}: the deploy ended without success")
    raise error_from_json(deploy.error)
