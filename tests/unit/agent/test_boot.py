"""What is taken up after a boot."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from holdfast.agent import boot
from holdfast.deploy.journal import Journal
from holdfast.deploy.machine import Machine
from holdfast.errors import ProcessError
from holdfast.layout import Layout


def test_one_app_that_cannot_be_taken_up_keeps_no_other_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its engine cannot be started: that is told, and the app behind it goes on.

    No machine that boots can be real here; on one that does: tests/machines/test_apps.py.
    """
    layout, started = Layout(tmp_path), list[str]()
    journal = Journal(layout.journal)
    for app in ("first", "second", "third"):
        layout.app(app).make()
        journal.queue(app, "deploy", {})

    def start_engine(app: str) -> None:
        if app == "first":
            raise ProcessError("first: the deploy's engine cannot be started")
        started.append(app)

    runtime = SimpleNamespace(start_engine=start_engine)
    edge = SimpleNamespace(gate=lambda app: None)
    machine = cast(Machine, SimpleNamespace(journal=journal, runtime=runtime, edge=edge))
    monkeypatch.setattr(boot, "open_machine", lambda layout: machine)
    with pytest.raises(ProcessError, match="first: the deploy's engine"):
        boot.after_boot(layout)
    assert started == ["second", "third"]
