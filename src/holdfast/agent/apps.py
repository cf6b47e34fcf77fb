"""The agent's methods that tell, and those that touch one app without a deploy."""

from __future__ import annotations

import ipaddress
import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from holdfast import __version__
from holdfast.agent import certificates
from holdfast.agent.deploys import known
from holdfast.agent.downs import down
from holdfast.agent.follow import settle
from holdfast.codec import to_json
from holdfast.deploy.journal import Deploy
from holdfast.deploy.machine import Machine
from holdfast.edge.contract import GateStatus
from holdfast.errors import Busy, EdgeError, NotFound, UsageError
from holdfast.protocol import VERSION, Emit, Event, Kind

Params = Mapping[str, Any]


def hello(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Who answers."""
    return {
        "version": __version__,
        "protocol": VERSION,
        "root": str(machine.layout.root),
        "runtime": machine.runtime.name,
        "features": ["rollback.plan_only"],
    }


# status


def status(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """What runs here; what ought to run and does not is started, a dead deploy recovered.

    Where no init system starts us at boot, this is how a machine comes back after one.
    """
    wanted = params.get("app")
    names = machine.layout.apps()
    if wanted and not (params.get("lenient") and wanted not in names):
        names = [known(machine, str(wanted))]
    elif wanted:
        names = []
    if any(machine.releases(name).current() for name in names):
        machine.runtime.ensure()
        machine.edge.ensure()
    for name in names:
        settle(machine, name)
    gates = _gates(machine)
    return {
        "apps": [_app_status(machine, name, gates.get(name)) for name in names],
        "edge": machine.edge.info(),
    }


def look(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """What a command begins and ends with: whether the app is live here, and how it is reached.

    Of its processes and containers, its gate and the other apps nothing is asked, which takes
    ten times as long. A dead deploy is recovered.
    """
    name = str(params["app"])
    if name not in machine.layout.apps():
        return {"app": None}
    settle(machine, name)
    current = machine.releases(name).current()
    if current is None:
        return {"app": None}
    live = machine.edge.gate(name) is not None
    return {
        "app": {
            "app": name,
            "domains": list(current.spec.domains),
            "release": current.id,
            "url": machine.edge.address(name) if live else None,
            "origin": _origin(machine, name),
        }
    }


def _origin(machine: Machine, name: str) -> dict[str, Any] | None:
    """Where it was deployed from; ``None`` if an older Holdfast did, or nobody can say any more."""
    try:
        value = json.loads(machine.layout.app(name).origin.read_text())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def edge_status(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """The edge and every gate."""
    return {
        "edge": machine.edge.info(),
        "apps": [_gate_json(item) for item in _gates(machine).values()],
    }


def _gates(machine: Machine) -> dict[str, GateStatus]:
    """Every gate; none when nginx does not run (its gates are on disk, nobody counts)."""
    try:
        return {item.gate.app: item for item in machine.edge.status()}
    except EdgeError:
        return {}


def _app_status(machine: Machine, name: str, gate: GateStatus | None) -> dict[str, Any]:
    store = machine.releases(name)
    current = store.current()
    last = machine.journal.last(name)
    spec = machine.edge.configured(name)
    processes = machine.runtime.status(name)
    target = gate.gate.target if gate else None
    return {
        "app": name,
        "domains": list(current.spec.domains) if current else [],
        "url": machine.edge.address(name) if gate else None,
        "release": current.id if current else None,
        "commit": current.commit if current else None,
        "gate": None if gate is None else _gate_json(gate),
        "counts": None if gate is None else to_json(gate.counts),
        "processes": [to_json(item) for item in processes],
        "down": [item.name for item in down(processes, target, time.time())] if current else [],
        "drift": list(machine.runtime.drift(name)),
        "last_deploy": None if last is None else _deploy_json(last),
        "certificate": None if spec is None else certificates.told(machine, spec),
    }


def _gate_json(status: GateStatus) -> dict[str, Any]:
    gate = status.gate
    return {
        "app": gate.app,
        "mode": str(gate.mode),
        "effective": str(status.effective),
        "target": None if gate.target is None else to_json(gate.target),
        "lease_until": gate.lease_until,
        "allow": list(gate.allow),
        "counts": to_json(status.counts),
    }


def _deploy_json(deploy: Deploy) -> dict[str, Any]:
    return {
        "id": deploy.id,
        "kind": deploy.kind,
        "stage": str(deploy.stage),
        "outcome": deploy.outcome,
        "strategy": deploy.strategy,
        "release": deploy.release,
        "started": deploy.created,
        "seconds": None if deploy.ended is None else round(deploy.ended - deploy.created, 2),
        "held_ms": deploy.held_ms,
        "error": None if deploy.error is None else deploy.error["message"],
    }


# logs


def logs(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Emit what the app's processes printed, as LOG events."""
    app = known(machine, str(params["app"]))
    for name in params.get("processes") or ():
        _check_process(machine, app, str(name))
    lines = machine.runtime.logs(
        app,
        params.get("processes"),
        since=params.get("since"),
        follow=bool(params.get("follow")),
    )
    last = params.get("lines")
    for line in lines if last is None or params.get("follow") else deque(lines, int(last)):
        emit(Event(Kind.LOG, {"source": line.process, "line": line.line}, line.at or time.time()))
    return {}


def _check_process(machine: Machine, app: str, name: str) -> None:
    """Refuse a name that nothing of the app has, or had while its log is kept."""
    current = machine.releases(app).current()
    names = {"web", *(item.name for item in (current.spec.processes if current else ()))}
    running = {item.name for item in machine.runtime.status(app)}
    printed = {path.stem for path in machine.layout.app(app).logs.glob("*.log")}
    if name not in {"engine", *names, *running, *printed}:
        raise NotFound(
            f"{app} has no process {name!r}",
            hint=f"there are: {', '.join(sorted(names))}, and engine, which deploys",
        )


# environment


def env_list(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """The names that are set; values never leave the server."""
    app = str(params["app"])
    return {"names": dict.fromkeys(machine.env_store(app).load(), "***")}


def env_set(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Set variables; the next deploy or rollback uses them."""
    app = str(params["app"])
    machine.layout.app(app).make()
    machine.env_store(app).set({str(k): str(v) for k, v in params["values"].items()})
    return {"set": sorted(params["values"])}


def env_unset(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Remove variables."""
    app = known(machine, str(params["app"]))
    machine.env_store(app).unset(params["names"])
    return {"unset": list(params["names"])}


# the gate by hand


def gate(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Open, hold or put into maintenance, as a person asks for it."""
    app = known(machine, str(params["app"]))
    mode = params["mode"]
    if machine.journal.unfinished(app) is not None:
        settle(machine, app)
        raise Busy(
            f"{app}: a deploy is under way and has the gate",
            hint="holdfast deploy --follow shows it",
        )
    machine.edge.ensure()
    if machine.edge.gate(app) is None:
        raise NotFound(f"{app} has never been live here", hint="holdfast deploy brings it live")
    if mode == "open":
        machine.edge.open(app, end_maintenance=True)
    elif mode == "hold":
        machine.edge.hold(app, params.get("lease"))
    elif mode == "maintenance":
        machine.edge.maintenance(app, _networks(params.get("allow") or ()))
    else:
        raise UsageError(f"no gate mode {mode!r}", hint="open, hold or maintenance")
    return {"gate": _gate_json(machine.edge.status(app)[0])}


def _networks(values: Any) -> tuple[str, ...]:
    try:
        return tuple(str(ipaddress.ip_network(str(value), strict=False)) for value in values)
    except ValueError as error:
        raise UsageError(
            f"--allow: {error}", hint="an address or a network: 203.0.113.7 or 203.0.113.0/24"
        ) from None
