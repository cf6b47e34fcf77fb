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
    """A deploy, and then its certificate; a wrong one of the server's own is refused before.

    Raises:
        CertificateError: the files of the server that ``[tls]`` names cannot serve the app.
    """
    _check_files(params, emit)
    ended = deploys.deploy(machine, params, emit)
    after_deploy(machine, str(params["app"]), emit)
    return ended


def plan(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """A plan; it refuses what :func:`deploy` does."""
    _check_files(params, emit)
    return deploys.plan(machine, params, emit)


def _check_files(params: Params, emit: Emit) -> None:
    """Check a pair of files of the server (``server:/path``); one that is sent has been checked.

    Raises:
        CertificateError: it cannot serve the app.
    """
    said = params["config"].get("tls") or {}
    path, key = str(said.get("certificate") or ""), str(said.get("key") or "")
    if not path.startswith("server:"):
        return
    from holdfast.tls import own  # late, as below

    domains = tuple(map(str, params["config"].get("app", {}).get("domains", ())))
    for note in own.check_files(path, key, domains):
        emit(Event(Kind.NOTE, {"text": note}))


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
        said = (outcome.refusal.message, outcome.refusal.hint)
        note(f"HTTPS is not complete: {'; '.join(filter(None, said))}")
    elif outcome.changed:
        note(f"{', '.join(spec.domains)} has a certificate and is served over HTTPS")


def _words(error: Exception) -> str:
    return str(getattr(error, "message", error))
