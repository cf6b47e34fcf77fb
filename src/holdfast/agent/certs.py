"""The agent's methods about certificates, and what looks after them without being asked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from holdfast.agent.certificates import store_of, told
from holdfast.agent.deploys import known
from holdfast.app import AppSpec
from holdfast.deploy.machine import Machine
from holdfast.errors import CertificateError, HoldfastError, NotFound, UsageError
from holdfast.protocol import Emit, Event, Kind
from holdfast.tls import dns, own, proof
from holdfast.tls.obtain import Place, attend
from holdfast.tls.outcome import Outcome
from holdfast.tls.store import Store

Params = Mapping[str, Any]


def cert_list(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Every app's certificate, what is missing, and when that is tried again."""
    return {"certificates": [told(machine, spec) for spec in _specs(machine, params.get("app"))]}


def cert_renew(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Ask for what is missing or about to end; with ``force`` for new ones in any case.

    Raises:
        CertificateError: the app that was named has none now, and why.
    """
    app = params.get("app")
    force = bool(params.get("force"))
    _serving(machine)
    for spec in _specs(machine, app):
        outcome = look_after(machine, spec, force=force, patient=False, say=_noting(emit))
        if outcome.refusal and app:
            raise CertificateError(outcome.refusal.message, hint=outcome.refusal.hint)
    return cert_list(machine, params, emit)


def cert_put(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Take a pair of the user's own; the app serves with it from its next reload on.

    Raises:
        CertificateError: it is no pair, has ended, or is for other names.
    """
    app = str(params["app"])
    chain, key = str(params["certificate"]), str(params["key"])
    notes = own.check(chain, key, tuple(map(str, params["domains"])))
    changed = store_of(machine).install(app, chain, key, "own")
    if changed and machine.edge.configured(app) is not None:
        machine.edge.refresh_certificate(app)
    return {"changed": changed, "notes": notes}


def tend(machine: Machine) -> Iterator[str]:
    """What the timer does: every app's certificate, one after the other; what came of it."""
    for spec in _specs(machine, None):
        said: list[str] = []
        try:
            outcome = look_after(machine, spec, say=said.append)
        except (HoldfastError, OSError) as error:
            yield f"{spec.name}: {getattr(error, 'message', error)}"
            continue
        yield from (f"{spec.name}: {line}" for line in said)
        if outcome.changed:
            yield f"{spec.name}: has a new certificate"
        elif outcome.refusal and outcome.asked:
            yield f"{spec.name}: {outcome.refusal.message}"


def look_after(
    machine: Machine,
    spec: AppSpec,
    *,
    force: bool = False,
    patient: bool = True,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """One app's certificate and what browsers are told of it; the edge takes up what changed.

    Raises:
        Busy: another process asks at this moment.
    """
    info = machine.edge.info()
    if info.get("tls_port") is None:
        return Outcome()
    store = store_of(machine)
    place = Place(int(str(info["port"])))
    with store.alone():
        outcome = attend(store, spec, place, force=force, patient=patient, say=say)
        machine.edge.refresh_certificate(spec.name)
        if _prove(store, spec, int(str(info["tls_port"]))):
            machine.edge.refresh_certificate(spec.name)
    return outcome


def _prove(store: Store, spec: AppSpec, port: int) -> bool:
    """Look whether HTTPS works from outside, as far as we can; whether HSTS has changed."""
    pair = store.installed(spec.name)
    state = store.state().get(spec.name, {})
    host = spec.domains[0] if spec.domains else ""
    if pair is None or not pair.certificate.covers(host):
        return False
    now = time.time()
    if state.get("proven") is None and not _works(host, port):
        return False
    told = proof.hsts({**state, "proven": state.get("proven") or now}, now)
    if told == state.get("hsts"):
        return False
    with store.changed() as states:
        states.setdefault(spec.name, {}).update(proven=state.get("proven") or now, hsts=told)
    return True


def _works(host: str, port: int) -> bool:
    try:
        found = dns.addresses(host)
    except HoldfastError:
        return False
    return bool(found) and all(proof.works(host, address, port) for address in found)


def _specs(machine: Machine, app: object) -> list[AppSpec]:
    names = [known(machine, str(app))] if app else machine.layout.apps()
    found = [spec for name in names if (spec := machine.edge.configured(name)) is not None]
    if app and not found:
        raise NotFound(f"{app} has never been live here", hint="holdfast deploy brings it live")
    return found


def _serving(machine: Machine) -> None:
    if machine.edge.info().get("tls_port") is None:
        raise UsageError(
            "this edge has no HTTPS: it listens on a port other than 80",
            hint="a server that holdfast set up listens on 80 and 443; docs/tls.md",
        )


def _noting(emit: Emit) -> Callable[[str], None]:
    return lambda text: emit(Event(Kind.NOTE, {"text": text}))
