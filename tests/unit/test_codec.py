"""Models to JSON and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from holdfast.app import (
    AppSpec,
    Dependencies,
    Edge,
    Finding,
    Persist,
    Policy,
    Process,
    ReleaseCommand,
    Static,
    StrategyChoice,
    Web,
)
from holdfast.codec import CodecError, from_json, to_json

FULL = AppSpec(
    name="notes",
    domains=("notes.example.com", "www.example.com"),
    framework="flask",
    dependencies=Dependencies("requirements", ("requirements.txt",), ("gunicorn==23.0.0",)),
    web=Web("gunicorn notes:app", listen="port", health="/healthz", boot_timeout=12.5),
    processes=(Process("worker", "celery -A notes worker"),),
    build=("npm ci",),
    release=ReleaseCommand("flask db upgrade", known="flask-migrate", settings={"app": "notes"}),
    env={"APP_MODE": "production"},
    generate=("SECRET_KEY",),
    persist=(Persist("instance/", "directory", "Flask's instance folder"),),
    static=(Static("/static/", "static"),),
    edge=Edge(maintenance_allow=("203.0.113.0/24",)),
    policy=Policy(strategy=StrategyChoice.HOLD, keep=3),
    findings=(Finding("framework", "flask", "imports flask"),),
)
SMALL = AppSpec("a", ("a.localhost",), "wsgi", Dependencies("none"), Web("run"))


@pytest.mark.parametrize("spec", [FULL, SMALL], ids=["full", "small"])
def test_spec_is_the_same_after_a_trip_through_json(spec: AppSpec) -> None:
    """A release read back from its release.json runs exactly what was built."""
    assert from_json(json.loads(json.dumps(to_json(spec))), AppSpec) == spec


def changed(path: str, value: Any) -> Any:
    """FULL as JSON, with one value replaced or added."""
    data = to_json(FULL)
    *tables, key = path.split(".")
    place = data
    for table in tables:
        place = place[table]
    place[key] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("web.lisen", "unix"),
        ("unknown", 1),
        ("web.listen", "tcp"),
        ("policy.strategy", "big-bang"),
        ("edge.max_line", "many"),
        ("processes", [{"name": "worker"}]),
        ("web", None),
    ],
)
def test_what_does_not_fit_the_model_is_an_error(path: str, value: Any) -> None:
    """An unknown key, a value that is not allowed, a wrong type or a missing one is never kept."""
    with pytest.raises(CodecError):
        from_json(changed(path, value), AppSpec)


def test_default_may_be_left_out() -> None:
    """An older release.json without a newer key still loads."""
    data = to_json(SMALL)
    del data["edge"], data["findings"]
    assert from_json(data, AppSpec) == SMALL
