"""A deploy or a rollback, and then the app's certificate, where the edge has HTTPS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.agent import deploys
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
    """At the end of a deploy: the certificate, if there is none. Never a failure of the deploy."""
    spec = machine.edge.configured(app)
    if spec is None or machine.edge.info().get("tls_port") is None:
        return
    from holdfast.agent.certs import look_after  # late: it takes as long as all the rest of us

    def note(text: str) -> None:
        emit(Event(Kind.NOTE, {"text": text}))

    try:
        outcome = look_after(machine, spec, patient=False, say=note)
        if machine.runtime.name == "systemd":
            from holdfast.agent.timer import install

            install(machine.layout)
    except (HoldfastError, OSError) as error:
        note(f"no certificate yet: {getattr(error, 'message', error)}")
        return
    if outcome.refusal:
        note(f"HTTPS is not complete: {outcome.refusal.message}; {outcome.refusal.hint}")
    elif outcome.changed:
        note(f"{', '.join(spec.domains)} has a certificate and is served over HTTPS")
