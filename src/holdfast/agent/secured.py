"""A deploy or a rollback, and then the app's certificate, where the edge has HTTPS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.agent import deploys
from holdfast.app import AppSpec
from holdfast.deploy.machine import Machine
from holdfast.errors import HoldfastError
from holdfast.protocol import Emit, Event, Kind

Params = Mapping[str, Any]


def deploy(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """A deploy, and then its certificate."""
    ended = deploys.deploy(machine, params, emit)
    after_deploy(machine, str(params["app"]), emit)
    return ended


def rollback(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Likewise: the earlier release may have had other domains."""
    ended = deploys.rollback(machine, params, emit)
    if not params.get("plan_only"):
        after_deploy(machine, str(params["app"]), emit)
    return ended


def after_deploy(machine: Machine, app: str, emit: Emit) -> None:
    """At the end of a deploy: the certificate, if there is none; who looks after it from then on.

    Never a failure of the deploy.
    """

    def note(text: str) -> None:
        emit(Event(Kind.NOTE, {"text": text}))

    spec = machine.edge.configured(app)
    if spec is not None and machine.edge.info().get("tls_port") is not None:
        _certificate(machine, spec, note)
    if machine.runtime.name == "systemd":
        from holdfast.agent.timer import install

        try:
            install(machine.layout)
        except (HoldfastError, OSError) as error:
            note(f"nobody looks after certificates and nginx's updates: {_words(error)}")


def _certificate(machine: Machine, spec: AppSpec, note: Callable[[str], None]) -> None:
    from holdfast.agent.certs import look_after  # late: it takes as long as all the rest of us

    try:
        outcome = look_after(machine, spec, patient=False, say=note)
    except (HoldfastError, OSError) as error:
        note(f"no certificate yet: {_words(error)}")
        return
    if outcome.refusal:
        note(f"HTTPS is not complete: {outcome.refusal.message}; {outcome.refusal.hint}")
    elif outcome.changed:
        note(f"{', '.join(spec.domains)} has a certificate and is served over HTTPS")


def _words(error: Exception) -> str:
    return str(getattr(error, "message", error))
