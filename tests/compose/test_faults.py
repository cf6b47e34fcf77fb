"""What goes wrong, or is done by hand, with a real Docker (tests/compose/faults.py)."""

from __future__ import annotations

import pytest

from tests.compose.faults import FAULTS
from tests.compose.killed import daemon_killed, engine_killed
from tests.compose.projects import Shop

SPREAD = {
    **{name: proof for name, proof in FAULTS.items() if "-killed-in-" not in name},
    "daemon-killed-in-handover": daemon_killed("handover", ("boot", "start-workers")),
    "daemon-killed-in-hold": daemon_killed("hold", ("stop-old", "boot")),
    "engine-killed-in-handover": engine_killed("handover", ("boot", "open")),
    "engine-killed-in-hold": engine_killed("hold", ("boot", "start-workers")),
}
"""All; but daemon and engine are killed before two steps of each strategy, not before every one."""


@pytest.mark.parametrize("name", SPREAD)
def test_fault(shop: Shop, name: str) -> None:
    """It ends as its function's docstring says."""
    SPREAD[name](shop)
