"""Servers for the tests below: one bed a test process, a running server of each release."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.conftest import require, shares
from tests.machines import host
from tests.machines.bed import Bed
from tests.machines.machine import Machine

_HERE = Path(__file__).parent
# The first test of a process may have to make images, and wait for another process's.
_TIMEOUT = 1800


LONGEST = (
    *("test_zero.py", "test_apps.py", "test_setup.py", "test_docker.py", "test_runtime.py"),
    *("test_deploy_faults.py", "test_three_apps.py", "test_ipv6_only.py"),
)
"""Files that take minutes, the longest first: what is begun last is all that runs in the end."""


class ByServer(LoadScopeScheduling):  # type: ignore[misc]  # (xdist has no types)
    """A server that one test has set up is what the next one of its file begins with.

    So the tests of a file go to one process, in order; those of each Debian apart, as they
    share nothing.
    """

    def _split_scope(self, nodeid: str) -> str:
        return shares(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByServer:
    """How tests with servers are given to the processes: in their order."""
    config.option.loadscopereorder = False
    return ByServer(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with servers the time that making an image takes, and an order."""
    ours = [item for item in items if item.path.is_relative_to(_HERE)]
    for item in ours:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_TIMEOUT))
    if len(ours) == len(items):
        rank = {name: number for number, name in enumerate(LONGEST)}
        items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session")
def _host() -> None:
    require(host.may_host(), "root with the right to mount (systemd-nspawn makes the test servers)")
    try:
        host.prepare()
    except host.HostError as error:
        require(None, str(error))


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
