"""A process that ends is started again, whatever became of the clock meanwhile."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from supervisor.datatypes import RestartUnconditionally  # type: ignore[import-untyped]
from supervisor.states import ProcessStates, SupervisorStates  # type: ignore[import-untyped]

from holdfast.runtimes.supervisor.daemon import BETWEEN_STARTS, Program


class Started(Program):
    """Says that it was to be started, and starts nothing."""

    started = False

    def spawn(self) -> Any:
        self.started = True


@pytest.mark.parametrize(
    ("ago", "started"),
    [(2 * BETWEEN_STARTS, True), (BETWEEN_STARTS / 2, False), (-3600.0, True)],
    ids=["some time ago", "a moment ago", "in an hour, by a clock that was set back"],
)
def test_it_is_started_again(ago: float, started: bool) -> None:
    """Not at once, or a program that ends at once would take all of a processor."""
    options = SimpleNamespace(mood=SupervisorStates.RUNNING, logger=None)
    config = SimpleNamespace(name="web", options=options, autorestart=RestartUnconditionally)
    program = Started(config)
    program.state = ProcessStates.EXITED
    program.laststart = time.time() - ago
    program.transition()
    assert program.started is started
