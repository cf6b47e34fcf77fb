"""The runtime of containers: the suite that every runtime passes, run where Docker is."""

from __future__ import annotations

import json
from typing import Any

from tests.machines.machine import Machine
from tests.machines.sending import THERE, run_tests, send


def test_contract(server: Machine) -> None:
    """Every test of the runtime contract that means something for containers passes."""
    send(server)
    done = run_tests(
        server,
        "tests/server/runtimes/test_contract.py",
        env={"HOLDFAST_TEST_RUNTIME": "compose"},
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


_ASK = """\
import json, sys
from holdfast.runtimes.compose import api
told = api.info()["ID"], api.inspect("image", ["python:3.13-slim-trixie", "not-there"])
print(json.dumps(told))
"""


def test_docker_is_asked_where_its_client_would_ask_it(server: Machine) -> None:
    """Over the machine's socket; and through the client, where the user has chosen a context."""
    send(server)
    server.ssh("sh", "-c", "docker context create far --docker host=unix:///run/docker.sock")
    try:
        said = [_asked(server, env) for env in ("A=a", "DOCKER_CONTEXT=far")]
    finally:
        server.ssh("docker", "context", "rm", "--force", "far")
    assert said[0] == said[1]
    identity, images = said[0]
    assert identity == server.ssh("docker", "info", "--format={{.ID}}").stdout.strip()
    # Other tests may have given it further names.
    assert ["python:3.13-slim-trixie" in item["RepoTags"] for item in images] == [True]


def _asked(server: Machine, variable: str) -> Any:
    done = server.ssh(
        "env", variable, f"PYTHONPATH={THERE}/site:{THERE}/src", "python3", "-c", _ASK
    )
    return json.loads(done.stdout)
