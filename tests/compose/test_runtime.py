"""The runtime of containers: the suite that every runtime passes, run where Docker is."""

from __future__ import annotations

from tests.machines.machine import Machine
from tests.machines.sending import run_tests, send


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
