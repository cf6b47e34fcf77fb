"""What there is to say of an app's certificate, and how it is forgotten."""

from __future__ import annotations

from typing import Any

from holdfast.app import AppSpec
from holdfast.deploy.machine import Machine
from holdfast.tls import acme, domains
from holdfast.tls.store import Store


def told(machine: Machine, spec: AppSpec) -> dict[str, Any]:
    """One app's certificate for people and programs."""
    store = store_of(machine)
    pair = store.installed(spec.name)
    state = store.state().get(spec.name, {})
    port = machine.edge.info().get("tls_port")
    served = port is not None and bool(spec.tls.acme or spec.tls.certificate)
    found = pair.certificate if pair and served else None
    problem = state.get("problem") if served else None
    return {
        "app": spec.name,
        "domains": list(spec.domains),
        "secured": [name for name in spec.domains if found and found.covers(name)],
        "wanted": list(domains.wanted(spec)) if served else [],
        "origin": pair.origin if pair and found else None,
        "issuer": found.issuer if found else None,
        "not_after": found.not_after if found else None,
        "days_left": int(found.left() // 86400) if found else None,
        "hsts": state.get("hsts", 0) if found and spec.tls.hsts else 0,
        "problem": problem,
        "next_try": state.get("next") if problem else None,
    }


def forget(machine: Machine, app: str) -> None:
    """Nothing of a destroyed app's certificates stays."""
    store = store_of(machine)
    store.forget(app)
    acme.forget(store, app)


def store_of(machine: Machine) -> Store:
    return Store(machine.layout.tls)
