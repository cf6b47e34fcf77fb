"""The runtime systemd on real servers: the suite that every runtime passes, run there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machines.bed import Bed
from tests.machines.machine import Machine
from tests.machines.sending import run_tests, send


@pytest.fixture(scope="module", params=["12", "13"], ids=["debian12", "debian13"])
def prepared(request: pytest.FixtureRequest, bed: Bed) -> Iterator[Machine]:
    """A running server with what Holdfast needs, and our code on it."""
    with bed.machine(request.param, prepared=True) as machine:
        machine.boot()
        machine.wait_for_boot()
        send(machine)
        yield machine


def test_contract(prepared: Machine) -> None:
    """Every test of the runtime contract passes with systemd, as root, on both releases."""
    done = run_tests(
        prepared,
        "tests/server/runtimes/test_contract.py",
        env={"HOLDFAST_TEST_RUNTIME": "systemd"},
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout.splitlines()[-1]
