"""Which service is what, from what Compose prints."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.compose.project import read, seconds
from holdfast.compose.roles import assign
from holdfast.errors import DetectionError

BUILT = {"build": {"context": "/src"}}
PORT = {"ports": [{"target": 8000, "published": "80"}]}
SHOP: dict[str, Any] = {
    "web": {**BUILT, **PORT, "depends_on": {"db": {"condition": "service_healthy"}}},
    "worker": {**BUILT, "command": ["celery", "worker"]},
    "db": {"image": "postgres:17", "ports": [{"target": 5432, "published": "5432"}]},
    "redis": {"image": "redis:8"},
}


def test_the_web_publishes_a_port_and_databases_never_are_it() -> None:
    """What runs the app's code is restarted with it; the rest stays up."""
    found = assign(read({"services": SHOP}))
    assert (found.web, found.port) == ("web", 8000)
    assert found.workers == ("worker",)
    assert found.steady == ("db", "redis")
    why = {item.value: item.why for item in found.findings}
    assert why["web"] == "it publishes port 8000, is built here, is called so"


def test_a_database_that_alone_publishes_a_port_is_no_web() -> None:
    services = {"db": SHOP["db"]}
    with pytest.raises(DetectionError, match="looks like the web"):
        assign(read({"services": services}))


def test_two_that_look_alike_are_asked_about() -> None:
    """One clear error that names both and the line to write; with the line it goes on."""
    services = {"shop": {**BUILT, **PORT}, "blog": {**BUILT, **PORT}}
    with pytest.raises(DetectionError, match="several services may be the web: shop, blog"):
        assign(read({"services": services}))
    assert assign(read({"services": services}), web="blog").web == "blog"


def test_a_service_that_is_named_and_not_there() -> None:
    with pytest.raises(DetectionError, match="has no service 'site'"):
        assign(read({"services": SHOP}), web="site")


def test_a_label_decides() -> None:
    services = {
        "shop": {**BUILT, **PORT},
        "blog": {**BUILT, "labels": {"holdfast.web": "true", "holdfast.port": "9000"}},
    }
    found = assign(read({"services": services}))
    assert (found.web, found.port) == ("blog", 9000)


def test_what_runs_to_its_end_before_the_web_is_the_release_command() -> None:
    wait = {"migrate": {"condition": "service_completed_successfully"}}
    services = {
        "web": {**BUILT, **PORT, "depends_on": wait},
        "migrate": {**BUILT, "command": ["python", "manage.py", "migrate"]},
    }
    found = assign(read({"services": services}))
    assert found.once == ("migrate",)
    assert found.workers == ()


def test_an_image_that_another_service_builds_is_the_apps_own() -> None:
    """``image: shop`` beside a service that builds ``shop`` is a worker, no database."""
    services = {
        "web": {**BUILT, **PORT, "image": "shop"},
        "worker": {"image": "shop", "command": ["celery"]},
    }
    assert assign(read({"services": services})).workers == ("worker",)


@pytest.mark.parametrize(
    "service",
    [
        {"image": "axllent/mailpit:v1"},
        {"image": "dpage/pgadmin4"},
        {"image": "node:22", "command": ["npm", "run", "dev"]},
        {**BUILT, "command": ["tailwindcss", "-i", "a.css", "-o", "b.css", "--watch"]},
    ],
)
def test_tools_and_watchers_stay_out(service: dict[str, Any]) -> None:
    """They are for development; the plan says so."""
    found = assign(read({"services": {**SHOP, "tool": service}}))
    assert found.left_out == ("tool",)
    assert "tool" not in (*found.workers, *found.steady)


@pytest.mark.parametrize(
    ("text", "value"), [("10s", 10), ("1m30s", 90), ("500ms", 0.5), ("1h0m0s", 3600)]
)
def test_durations_as_compose_prints_them(text: str, value: float) -> None:
    assert seconds(text) == pytest.approx(value)
