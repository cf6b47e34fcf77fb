"""A benchmark that cannot be run says why."""

from __future__ import annotations

import sys

import pytest

from bench import __main__ as command
from bench import faults
from tests.machines.host import HostError


def test_a_machine_that_can_host_no_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line on standard error, and no result."""

    def run(rounds: int) -> None:
        raise HostError("nft: status 1: Operation not permitted")

    monkeypatch.setattr(faults, "run", run)
    monkeypatch.setattr(sys, "argv", ["bench", "faults", "--json"])
    assert command.main() == 1
    said = capsys.readouterr()
    assert said.out == ""
    last = said.err.splitlines()[-1]
    assert last == "bin/bench faults: nft: status 1: Operation not permitted"
