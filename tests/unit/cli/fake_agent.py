"""A recorded agent: answers with canned results and events, and remembers what it was asked.

It takes the place of ``holdfast.agent.dispatch`` behind the real local transport, so
everything that passes went through JSON. It is for the rendering of answers; whole deploys
are tested with the real agent under ``tests/server/cli``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.layout import Layout
from holdfast.protocol import Emit, Event, Kind, Request
from holdfast.transport import open_transport
from holdfast.transport.contract import Transport
from holdfast.transport.local import LocalTransport

Answer = dict[str, Any] | HoldfastError | Callable[[Mapping[str, Any], Emit], dict[str, Any]]

RELEASE = "20261123-091502-3f2a1c9"
PREVIOUS = "20261122-080000-aaaaaaa"

PLAN: dict[str, Any] = {
    "app": "notes",
    "release": RELEASE,
    "previous": PREVIOUS,
    "commit": "3f2a1c9",
    "strategy": "hold",
    "why": ["1 pending migration: 0002_tags"],
    "steps": [{"name": "hold", "title": "Let requests wait in line"}],
    "release_command": "flask db upgrade",
    "pending": ["0002_tags"],
    "snapshot": ["instance/notes.db"],
    "persist": ["instance/ (Flask's instance folder)"],
    "static": ["/static/ from notes/static"],
    "processes": ["web", "worker"],
    "findings": [{"what": "framework", "value": "flask", "why": "notes/__init__.py imports it"}],
    "estimate": 1.25,
    "warnings": ["no snapshot can be made of the database of DATABASE_URL"],
}

EVENTS = [
    Event(Kind.DEPLOY_QUEUED, {"deploy": "d1", "app": "notes", "kind": "deploy"}, 1000.0),
    Event(Kind.STEP_STARTED, {"step": "build", "title": "Build the release"}, 1000.1),
    Event(Kind.LOG, {"source": "build", "line": "Resolved 20 packages in 3ms"}, 1000.2),
    Event(Kind.STEP_DONE, {"step": "build", "seconds": 1.23, "note": "20 packages"}, 1001.3),
    Event(Kind.PLAN_MADE, {"plan": PLAN}, 1001.4),
    Event(Kind.STEP_STARTED, {"step": "drain", "title": "Drain the old release"}, 1001.5),
    Event(Kind.STEP_PROGRESS, {"step": "drain", "held": 12, "in_flight": 3}, 1001.6),
    Event(Kind.STEP_DONE, {"step": "drain", "seconds": 0.04, "note": None}, 1001.7),
    Event(Kind.NOTE, {"text": "SECRET_KEY was generated and is kept"}, 1001.8),
]

ENDED = Event(
    Kind.DEPLOY_ENDED,
    {
        "outcome": "succeeded",
        "release": RELEASE,
        "error": None,
        "seconds": 3.21,
        "held_ms": 84.0,
    },
    1003.2,
)

DEPLOYED: dict[str, Any] = {
    "deploy": "d1",
    "outcome": "succeeded",
    "release": RELEASE,
    "previous": PREVIOUS,
    "strategy": "hold",
    "seconds": 3.21,
    "held_ms": 84.0,
    "problem": None,
}

STATUS_APP: dict[str, Any] = {
    "app": "notes",
    "domains": ["notes.localhost"],
    "url": "http://notes.localhost:8080",
    "release": RELEASE,
    "commit": "3f2a1c9",
    "gate": {"app": "notes", "mode": "open", "effective": "open", "lease_until": None},
    "counts": {"in_flight": {"a": 2, "b": 1}, "long": {"a": 0, "b": 4}, "waiting": 0},
    "processes": [
        {"name": "web.a", "state": "running", "pid": 41, "since": 1.0, "restarts": 0},
        {"name": "worker", "state": "backoff", "pid": None, "since": None, "restarts": 3},
    ],
    "last_deploy": {
        "id": "d1",
        "outcome": "undone",
        "strategy": "hold",
        "started": 1.0,
        "seconds": 3.2,
        "error": "notes: the release command ended with status 1",
    },
}

STATUS: dict[str, Any] = {"apps": [STATUS_APP], "edge": {"running": True, "pid": 7, "port": 8080}}
NOTHING: dict[str, Any] = {"apps": [], "edge": {"running": False, "pid": None, "port": 8080}}


def deploys(params: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """A deploy that goes well."""
    for event in (*EVENTS, ENDED):
        emit(event)
    return DEPLOYED


@dataclass
class FakeAgent:
    """Answers by method; ``asked`` is what came, in order."""

    layout: Layout
    answers: dict[str, Answer] = field(
        default_factory=lambda: {
            "status": STATUS,
            "deploy": deploys,
            "rollback": deploys,
            "follow": deploys,
            "plan": {"plan": PLAN},
        }
    )
    asked: list[Request] = field(default_factory=list)
    servers: list[str] = field(default_factory=list)

    def dispatch(self, layout: Layout, request: Request, emit: Emit) -> dict[str, Any]:
        assert layout == self.layout
        self.asked.append(request)
        if request.method == "look":  # the short answer to the same question
            apps = self._answer("status", request, emit)["apps"]
            return {"app": next((app for app in apps if app["app"] == request.params["app"]), None)}
        return self._answer(request.method, request, emit)

    def _answer(self, method: str, request: Request, emit: Emit) -> dict[str, Any]:
        answer = self.answers.get(method, {})
        if isinstance(answer, HoldfastError):
            raise answer
        return answer if isinstance(answer, dict) else answer(request.params, emit)

    def connect(self, server: str) -> Transport:
        self.servers.append(server)
        if server != "local":
            return open_transport(server)
        return LocalTransport(self.layout, self.dispatch)

    def params(self, method: str) -> Mapping[str, Any]:
        """The parameters of the one request with this method."""
        (found,) = [request.params for request in self.asked if request.method == method]
        return found

    @classmethod
    def below(cls, root: Path) -> FakeAgent:
        return cls(Layout(root))
