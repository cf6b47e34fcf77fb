"""``holdfast dev`` where Docker is: the project as its author runs it."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.compose.projects import SMALL
from tests.machines.machine import Machine
from tests.machines.sending import THERE, send

_HOME = "/root/dev/project"
_PORT = 8200
_FILES = {
    **SMALL,
    "compose.yaml": "services:\n  web:\n    build: .\n    environment: {HELLO: '${HELLO}'}\n"
    "  worker: {build: ., command: python worker.py}\n",
    "compose.override.yaml": f"services:\n  web:\n    ports: ['{_PORT}:8000']\n"
    "    environment: {MODE: development}\n",
    ".env": "HELLO=author\n",
}


@pytest.fixture
def project(server: Machine) -> Iterator[Machine]:
    """The server as the author's machine: our package and a project are on it."""
    send(server)
    server.ssh("mkdir", "-p", _HOME)
    for name, text in _FILES.items():
        server.ssh("sh", "-c", 'cat >"$0"', f"{_HOME}/{name}", input=text)
    yield server
    server.ssh("sh", "-c", f"cd {_HOME} && docker compose down --timeout=1", timeout=60)


def test_the_values_of_development(project: Machine) -> None:
    """Built and started with .env and compose.override.yaml; ARGUMENTS are Compose's own."""
    done = project.ssh("sh", "-c", _dev("--", "--detach"), timeout=200)
    said = _ask(project)
    assert (said["HELLO"], said["MODE"]) == ("author", "development"), done.stdout
    assert said["HOLDFAST_RELEASE"] is None
    assert _running(project) == ["web", "worker"]


def test_ctrl_c_stops_what_it_started(project: Machine) -> None:
    """In the foreground it prints what the services print; Ctrl-C is Compose's to answer."""
    with _foreground(project):
        _ask(project)
        assert "worker works" in project.ssh("cat", f"{_HOME}/printed").stdout
        project.ssh("sh", "-c", f"kill -INT -$(cat {_HOME}/pid)")
    assert project.ssh("cat", f"{_HOME}/status").stdout.strip() in ("0", "130")
    assert _running(project) == []


def test_its_exit_status_is_ours(project: Machine) -> None:
    """A build that fails; nothing of Holdfast is started."""
    project.ssh("sh", "-c", f"echo RUN exit 3 >>{_HOME}/Dockerfile")
    done = project.ssh("sh", "-c", _dev(), check=False, timeout=200)
    assert done.returncode not in (0, 255)
    assert "exit code: 3" in done.stdout + done.stderr
    assert _running(project) == []


def _dev(*words: str) -> str:
    path = f"PYTHONPATH={THERE}/site:{THERE}/src"
    return f"cd {_HOME} && {path} exec python3 -m holdfast dev {' '.join(words)}"


@contextmanager
def _foreground(machine: Machine) -> Iterator[None]:
    """It runs, as on a terminal of its own; it has ended after the context."""
    inner = f"{_dev()} >{_HOME}/printed 2>&1".replace(" exec ", " ")
    script = f"echo $$ >{_HOME}/pid; {inner}; echo $? >{_HOME}/status"
    # The shell is interrupted with it, and has to go on to write the status.
    words = 'setsid --fork bash -c "$0" </dev/null >/dev/null 2>&1'
    machine.ssh("sh", "-c", words, f"trap : INT; {script}")
    yield
    deadline = time.monotonic() + 60
    while machine.ssh("test", "-e", f"{_HOME}/status", check=False).returncode != 0:
        assert time.monotonic() < deadline, machine.ssh("cat", f"{_HOME}/printed").stdout
        time.sleep(0.2)


def _ask(machine: Machine, patience: float = 120) -> Any:
    deadline = time.monotonic() + patience
    while True:
        connection = http.client.HTTPConnection(str(machine.address), _PORT, timeout=5)
        try:
            connection.request("GET", "/")
            return json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline, "the project does not answer"
            time.sleep(0.2)
        finally:
            connection.close()


def _running(machine: Machine) -> list[str]:
    script = f"cd {_HOME} && docker compose ps --services --status=running"
    return sorted(machine.ssh("sh", "-c", script).stdout.split())
