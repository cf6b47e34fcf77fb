"""Which of an app's processes do not run though they should."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.edge.contract import Target
from holdfast.runtimes.contract import State, Status

SETTLED = 5.0
"""Seconds after which a process that had ended by itself counts as back: in a crash loop it runs
for a moment each time."""


def down(processes: Iterable[Status], target: Target | None, now: float) -> list[Status]:
    """Those of ``processes`` that do not run, or have just been started again.

    Args:
        target: whom the gate leads to; a web in the other slot is on its way out, or another's.
        now: Unix time.

    A service of a Compose file that has done its work (it ended with 0) is not down.
    """
    web = None if target is None else f"web.{target.slot}"
    return [
        item
        for item in processes
        if (item.name == web or not item.name.startswith("web.")) and not _runs(item, web, now)
    ]


def _runs(item: Status, web: str | None, now: float) -> bool:
    if item.state is State.STOPPED:
        return item.name != web and item.exit_status == 0
    if item.state not in (State.RUNNING, State.STARTING):
        return False
    return not item.restarts or item.since is None or now - item.since >= SETTLED
