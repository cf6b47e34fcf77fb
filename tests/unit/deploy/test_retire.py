"""An old release that has something left gets its time, whatever becomes of the clock."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from holdfast.agent.run import retire
from holdfast.deploy.journal import Journal, Stage
from holdfast.deploy.machine import Machine

WAIT = 0.5


@dataclass
class Parts:
    """An edge at which slot a always has a request left, and a runtime that says when it stopped.

    Neither can be real here: how the clock jumps is what the test is about.
    """

    stopped: list[float] = field(default_factory=list)

    def status(self, app: str) -> list[Any]:
        return [SimpleNamespace(counts=SimpleNamespace(in_flight={"a": 1}, long={}))]

    def gate(self, app: str) -> None:
        return None

    def stop_web(self, app: str, slot: str, grace: float) -> None:
        self.stopped.append(time.monotonic())


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.db")
    yield journal
    journal.close()


@pytest.mark.parametrize("jump", [-3600.0, 0.0, 3600.0])
@pytest.mark.parametrize("written", ["wait", "until"])
def test_its_time_is_no_longer_and_no_shorter(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, jump: float, written: str
) -> None:
    """An hour on or back between the deploy and this; also where an older Holdfast wrote it."""
    monkeypatch.setattr("holdfast.agent.run._BEFORE", WAIT)
    deploy = journal.queue("site", "deploy", {}).id
    kept = {"wait": WAIT, "until": time.time() + WAIT}[written]
    retired = {"slot": "a", written: kept, "grace": 1.0}
    journal.update(deploy, stage=Stage.ENDED, retire=retired)
    parts = Parts()
    machine = cast(Machine, SimpleNamespace(journal=journal, edge=parts, runtime=parts))
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + jump)
    began = time.monotonic()
    retire(machine, "site", lambda: time.monotonic() > began + 5)
    [stopped] = parts.stopped
    assert WAIT <= stopped - began < WAIT + 1
    assert journal.retiring("site") is None
