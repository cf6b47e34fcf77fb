"""What must not go live of a project that is made for its author's machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from holdfast.app import Finding
from holdfast.compose import mounts, roles
from holdfast.compose.dangers import dangers
from holdfast.compose.project import read
from holdfast.errors import DetectionError


def found(
    source: Path, services: dict[str, Any], text: str = "", env: frozenset[str] = frozenset()
) -> list[Finding]:
    """The dangers of a project, as Compose printed it, whose file has this text."""
    path = source / "compose.yaml"
    path.write_text(text)
    project = read({"services": services})
    chosen = roles.assign(project)
    bound = mounts.binds(project, chosen, source, frozenset({"compose.yaml", "app.py"}))
    return list(dangers(project, chosen, bound, [path], env))


def test_values_of_development_are_named_and_not_shown(tmp_path: Path) -> None:
    """Debug on and example secrets, unless production has a value of its own for them."""
    text = "services:\n  web:\n    DEBUG: 1\n    SECRET_KEY: changeme\n"
    said = {"DEBUG": "1", "SECRET_KEY": "changeme", "API_TOKEN": "f81e0d9b", "NAME": "dev"}
    services = {"web": {"build": {}, "environment": said}}
    debug, secret = found(tmp_path, services, text)
    assert [debug.value, secret.value] == ["DEBUG", "SECRET_KEY"]
    assert "compose.yaml, line 3" in debug.why
    assert "changeme" not in secret.why
    assert found(tmp_path, services, text, frozenset({"DEBUG", "SECRET_KEY"})) == []


@pytest.mark.parametrize(
    ("said", "value", "why"),
    [
        ({"healthcheck": {"disable": True}}, "health check of web", "compose.yaml, line 4"),
        ({"healthcheck": {"test": ["NONE"]}}, "health check of web", "service web"),
        ({"restart": "no"}, "restart of web", "compose.yaml, line 5"),
    ],
)
def test_what_is_switched_off_is_named(
    said: dict[str, object], value: str, why: str, tmp_path: Path
) -> None:
    """A health check that nobody makes, and a service that stays down, with their lines."""
    text = "services:\n  web:\n    healthcheck:\n      disable: true\n    restart: 'no'\n"
    (one,) = found(tmp_path, {"web": {"build": {}, **said}}, text)
    assert (one.value, one.level) == (value, "warning")
    assert why in one.why


def test_published_ports_are_named_with_their_line(tmp_path: Path) -> None:
    """A database's, too; one that is bound to the machine itself is no danger."""
    text = "services:\n  web:\n    ports:\n      - 80:8000\n  db:\n    ports: ['5432:5432']\n"
    own = {"target": 9000, "published": "9000", "host_ip": "127.0.0.1"}
    web = {"build": {}, "ports": [{"target": 8000, "published": "80"}, own]}
    database = {"image": "postgres:17", "ports": [{"target": 5432, "published": "5432"}]}
    closed = found(tmp_path, {"web": web, "db": database}, text)
    assert [(item.what, item.value) for item in closed] == [
        ("closed", "port 80 of web (8000)"),
        ("closed", "port 5432 of db (5432)"),
    ]
    assert closed[0].why.startswith("compose.yaml, line 4: ")
    assert closed[1].why.startswith("compose.yaml, line 6: ")


def test_ports_that_somebody_asked_for(tmp_path: Path) -> None:
    """They stay open, and that is said; the web's and unknown ones are refused."""
    web = {"build": {}, "expose": ["8000"]}
    broker = {"image": "nats:2", "ports": [{"target": 4222, "published": "4222"}]}
    project = read({"services": {"web": web, "broker": broker}})
    chosen = roles.assign(project)
    (one,) = dangers(project, chosen, [], [], (), ("broker",))
    assert (one.what, one.value) == ("published", "port 4222 of broker (4222)")
    roles.check_published(chosen, ("broker",))
    for name, told in (("web", "is the web"), ("other", "no service 'other'")):
        with pytest.raises(DetectionError, match=told):
            roles.check_published(chosen, (name,))


def test_source_that_is_mounted_over_the_image(tmp_path: Path) -> None:
    """It is left out, and the line that says so is named."""
    text = "services:\n  web:\n    build: .\n    volumes:\n      - .:/app\n"
    mount = {"type": "bind", "source": str(tmp_path), "target": "/app"}
    web = {"build": {"context": str(tmp_path)}, "volumes": [mount]}
    (one,) = found(tmp_path, {"web": web}, text)
    assert (one.what, one.value) == ("left out", ". on /app")
    assert "compose.yaml, line 5" in one.why


def test_a_second_web_that_nobody_reaches(tmp_path: Path) -> None:
    """A frontend beside its API, with no proxy before both; a worker's port is no page."""
    port = [{"target": 3000, "published": "3000"}]
    services = {
        "backend": {"build": {}, "ports": [{"target": 8000, "published": "8000"}]},
        "frontend": {"build": {"context": "frontend"}, "ports": port},
        "celery": {"build": {}, "command": "celery -A a worker", "ports": port},
    }
    said = [item for item in found(tmp_path, services) if item.what == "not reached"]
    assert [(item.value, item.level) for item in said] == [("frontend", "warning")]
