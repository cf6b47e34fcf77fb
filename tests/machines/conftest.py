"""Servers for the tests below: one bed a test process, a running server of each release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require
from tests.machines import host
from tests.machines.bed import Bed
from tests.machines.machine import Machine

_HERE = Path(__file__).parent
# The first test of a process may have to make images, and wait for another process's.
_TIMEOUT = 1800


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with servers the time that making an image takes."""
    for item in items:
        if item.path.is_relative_to(_HERE) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_TIMEOUT))


@pytest.fixture(scope="session")
def _host() -> None:
    require(host.may_host(), "root with the right to mount (systemd-nspawn makes the test servers)")
    if packages := host.missing():
        try:
            host.install(packages)
        except host.HostError as error:
            require(None, f"apt-get install {' '.join(packages)}: {error}")


@pytest.fixture(scope="session")
def bed(_host: None) -> Iterator[Bed]:
    """A network of this test process, and what makes servers in it."""
    with Bed() as bed:
        yield bed


@pytest.fixture(scope="session", params=["12", "13"], ids=["debian12", "debian13"])
def server(request: pytest.FixtureRequest, bed: Bed) -> Iterator[Machine]:
    """A running server, shared: for tests that leave it as usable as they found it."""
    with bed.machine(request.param) as machine:
        machine.boot()
        machine.wait_for_boot()
        yield machine


@pytest.fixture
def fresh(bed: Bed) -> Iterator[Machine]:
    """A Debian 13 server of the test's own, switched off."""
    with bed.machine("13") as machine:
        yield machine
