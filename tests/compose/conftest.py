"""A server with Docker, shared by the tests of a process, and small projects to deploy to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compose.projects import Shop
from tests.machines.base_images import NGINX, PYTHON, load
from tests.machines.bed import Bed
from tests.machines.conftest import _host, bed
from tests.machines.machine import Machine

__all__ = ["_host", "bed"]

_HERE = Path(__file__).parent
_TIMEOUT = 1800
"""Seconds: the first test of a machine makes images."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with servers the time that making an image takes."""
    for item in items:
        if item.path.is_relative_to(_HERE) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_TIMEOUT))


@pytest.fixture(scope="session")
def server(bed: Bed) -> Iterator[Machine]:
    """A Debian 13 server with Docker running and Python's base image in it."""
    with bed.machine("13", docker=True) as machine:
        machine.boot()
        machine.wait_for_boot()
        load(machine, PYTHON, NGINX)
        yield machine


@pytest.fixture
def shop(server: Machine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Shop]:
    """A project of its own for the test; destroyed at the end."""
    said = re.sub(r"[^a-z]+", "-", request.node.name.removeprefix("test_"))
    name = said.removeprefix("project-")[:20].strip("-")
    made = Shop(server, tmp_path / "shop", name)
    yield made
    # What ignores TERM would be waited for; that destroy asks first is a test of its own.
    script = 'docker ps -q --filter "label=holdfast.app=$0" | xargs -r docker kill'
    server.ssh("sh", "-c", script, name, check=False)
    made.holdfast("destroy", "--yes", check=False)
