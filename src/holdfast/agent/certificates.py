"""What there is to say of an app's certificate, and how it is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.app import AppSpec
from holdfast.deploy.machine import Machine

if TYPE_CHECKING:
    from holdfast.tls.store import Store


def told(machine: Machine, spec: AppSpec) -> dict[str, Any]:
    """One app's certificate for people and programs."""
    port = machine.edge.info().get("tls_port")
    if port is None or not (spec.tls.acme or spec.tls.certificate):
        return _without(spec)
    from holdfast.tls import domains

    store = store_of(machine)
    pair = store.installed(spec.name)
    state = store.state().get(spec.name, {})
    found = pair.certificate if pair else None
    problem = state.get("problem")
    return {
        **_without(spec),
        "secured": [name for name in spec.domains if found and found.covers(name)],
        "wanted": list(domains.wanted(spec)),
        "origin": pair.origin if pair and found else None,
        "issuer": found.issuer if found else None,
        "not_after": found.not_after if found else None,
        "days_left": int(found.left() // 86400) if found else None,
        "hsts": state.get("hsts", 0) if found and spec.tls.hsts else 0,
        "problem": problem,
        "next_try": state.get("next") if problem else None,
    }


def _without(spec: AppSpec) -> dict[str, Any]:
    """What there is to say of an app that is not served over HTTPS."""
    return {
        "app": spec.name,
        "domains": list(spec.domains),
        "secured": [],
        "wanted": [],
        "origin": None,
        "issuer": None,
        "not_after": None,
        "days_left": None,
        "hsts": 0,
        "problem": None,
        "next_try": None,
    }


def forget(machine: Machine, app: str) -> None:
    """Nothing of a destroyed app's certificates stays."""
    from holdfast.tls import acme

    store = store_of(machine)
    store.forget(app)
    acme.forget(store, app)


def store_of(machine: Machine) -> Store:
    from holdfast.tls.store import Store

    return Store(machine.layout.tls)
