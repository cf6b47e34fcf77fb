"""The agent's methods that change which release serves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.agent.follow import follow, settle
from holdfast.agent.incoming import checked_token
from holdfast.agent.updates import update_edge
from holdfast.app import StrategyChoice
from holdfast.deploy.machine import Machine
from holdfast.errors import NotFound, UsageError
from holdfast.files import write_json
from holdfast.protocol import Emit, Event, Kind

Params = Mapping[str, Any]


def expect(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Have the app's engine at hand: it starts while the source is packed and sent.

    For an app that is here; it ends by itself if nothing comes (``agent/run.py``).
    """
    app = str(params["app"])
    if app in machine.layout.apps() and machine.journal.unfinished(app) is None:
        home = machine.layout.app(app)
        home.make()
        home.expected.touch()
        machine.runtime.ensure()
        machine.runtime.start_engine(app)
    return {}


def deploy(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Build and bring live; returns when it has ended."""
    app, request = str(params["app"]), _source_request(machine, params)
    if (said := params.get("origin")) is not None:
        write_json(machine.layout.app(app).origin, dict(said), mode=0o600)
    return _queue(machine, app, "deploy", request, emit)


def plan(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Build, decide, and throw the build away."""
    app = str(params["app"])
    ended = _queue(machine, app, "plan", _source_request(machine, params), emit)
    return {"plan": machine.journal.get(ended["deploy"]).plan}


def rollback(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Bring an earlier release back; without a name the one before the current."""
    app = known(machine, str(params["app"]))
    release = params.get("release") or _previous(machine, app)
    found = _named_release(machine, app, str(release))
    request = {"release": found, "strategy": _strategy(params.get("strategy"))}
    if params.get("plan_only"):
        ended = _queue(machine, app, "plan", request, emit)
        return {"plan": machine.journal.get(ended["deploy"]).plan}
    return _queue(machine, app, "rollback", request, emit)


def follow_last(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Attach to the deploy that runs, or tell the last one again."""
    app = known(machine, str(params["app"]))
    last = machine.journal.unfinished(app) or machine.journal.last(app)
    if last is None:
        raise NotFound(f"{app} has never been deployed here")
    settle(machine, app)
    return follow(machine, last, emit)


def cancel(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """Ask the deploy that runs to stop."""
    return {"cancelled": machine.journal.request_cancel(str(params["app"]))}


def releases(machine: Machine, params: Params, emit: Emit) -> dict[str, Any]:
    """The releases kept on disk, newest first."""
    app = known(machine, str(params["app"]))
    store = machine.releases(app)
    current = store.current()
    return {
        "releases": [
            {
                "id": release.id,
                "commit": release.commit,
                "dirty": release.dirty,
                "created": release.created,
                "framework": release.spec.framework,
                "current": current is not None and release.id == current.id,
            }
            for release in store.all()
        ]
    }


def known(machine: Machine, app: str) -> str:
    """The name, if such an app is here.

    Raises:
        NotFound: there is none; the hint lists those there are.
    """
    here = machine.layout.apps()
    if app not in here:
        raise NotFound(
            f"no app {app!r} on this server",
            hint=f"there are: {', '.join(here)}" if here else "holdfast deploy makes one",
        )
    return app


def _queue(
    machine: Machine, app: str, kind: str, request: dict[str, Any], emit: Emit
) -> dict[str, Any]:
    """Have the app's engine do it, and follow."""
    machine.layout.app(app).make()
    machine.runtime.ensure()
    machine.edge.ensure()
    for line in update_edge(machine):
        emit(Event(Kind.NOTE, {"text": line}))
    settle(machine, app)
    queued = machine.journal.queue(app, kind, request)
    event = Event(Kind.DEPLOY_QUEUED, {"deploy": queued.id, "app": app, "kind": kind})
    machine.journal.add_event(queued.id, event)
    machine.runtime.start_engine(app)
    return follow(machine, queued, emit)


def _source_request(machine: Machine, params: Params) -> dict[str, Any]:
    app = str(params["app"])
    source = params["source"]
    token = checked_token(source["token"])
    archive = machine.layout.app(app).incoming / f"{token}.tar"
    if not archive.is_file():
        raise UsageError(f"{app}: the source {token!r} has not arrived on the server")
    return {
        "config": params["config"],
        "strategy": _strategy(params.get("strategy")),
        "source": {
            "archive": str(archive),
            "commit": source.get("commit"),
            "dirty": bool(source.get("dirty")),
            "confined": bool(params.get("confined")),
        },
    }


def _strategy(asked: Any) -> str | None:
    if asked is None:
        return None
    try:
        return StrategyChoice(str(asked)).value
    except ValueError:
        raise UsageError(
            f"no strategy {asked!r}", hint="auto, handover or hold (docs/how-a-deploy-works.md)"
        ) from None


def _previous(machine: Machine, app: str) -> str:
    store = machine.releases(app)
    current = store.current()
    older = [item.id for item in store.all() if current is None or item.id < current.id]
    if not older:
        raise NotFound(
            f"{app}: there is no earlier release to go back to",
            hint="holdfast releases lists what is kept; [deploy] keep says how many",
        )
    return older[0]


def _named_release(machine: Machine, app: str, wanted: str) -> str:
    """A release by its id, the start of it, or its commit."""
    found = [
        release.id
        for release in machine.releases(app).all()
        if release.id.startswith(wanted) or (release.commit or "").startswith(wanted)
    ]
    if len(found) == 1 or wanted in found:
        return wanted if wanted in found else found[0]
    if found:
        raise UsageError(f"{wanted!r} may be any of {', '.join(found)}", hint="say more of it")
    raise NotFound(
        f"{app}: no release {wanted!r} is kept", hint="holdfast releases lists those there are"
    )
