"""What goes wrong, or is done by hand, with a real Docker (tests/compose/faults.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from tests.compose.faults import FAULTS
from tests.compose.killed import daemon_killed, engine_killed, power_cut
from tests.compose.projects import Shop

SPREAD: dict[str, Callable[[Shop], None]] = {
    **{name: proof for name, proof in FAULTS.items() if "-killed-in-" not in name},
    "power-cut": partial(power_cut, cuts=(("handover", "open"), ("hold", "boot"))),
    "daemon-killed-in-handover": daemon_killed("handover", ("boot", "start-workers")),
    "daemon-killed-in-hold": daemon_killed("hold", ("stop-old", "boot")),
    "engine-killed-in-handover": engine_killed("handover", ("boot", "open")),
    "engine-killed-in-hold": engine_killed("hold", ("boot", "start-workers")),
}
"""All; but of the steps before which something is killed two of each strategy, not every one."""


@pytest.mark.parametrize("name", SPREAD)
def test_fault(shop: Shop, name: str) -> None:
    """It ends as its function's docstring says."""
    SPREAD[name](shop)
