"""Hold: requests wait while the old release is stopped, the database migrated, the new one booted.

While the gate holds and the workers are stopped nobody writes. So if anything fails before
the gate opens to the new release, the snapshot is put back and nothing is lost.
"""

from __future__ import annotations

from holdfast.deploy import steps
from holdfast.deploy.step import Step

HOLD: tuple[Step, ...] = (
    steps.STOP_WORKERS_FIRST,
    steps.HOLD_PREPARED,
    steps.DRAIN_FULLY,
    steps.STOP_OLD,
    steps.SNAPSHOT,
    steps.MIGRATE,
    steps.BOOT,
    steps.HEALTH,
    steps.CONFIGURE,
    steps.OPEN,
    steps.START_WORKERS,
    steps.KEEP,
)
