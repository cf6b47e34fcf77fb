"""Handover: the new release boots beside the old one; requests wait for the drain alone.

For deploys with nothing to migrate. If anything fails before the gate opens to the new
release, the old one has never stopped.
"""

from __future__ import annotations

from holdfast.deploy import steps
from holdfast.deploy.step import Step

HANDOVER: tuple[Step, ...] = (
    steps.MIGRATE_BESIDE,
    steps.FINISH_WORKERS,
    steps.BOOT,
    steps.HEALTH,
    steps.STOP_WORKERS,
    steps.HOLD,
    steps.DRAIN,
    steps.CONFIGURE,
    steps.OPEN,
    steps.START_WORKERS,
    steps.KEEP,
    steps.RETIRE_OLD,
)
