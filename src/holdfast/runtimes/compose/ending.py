"""What does its work at each release and ends, while nobody waits for it: a seed, say."""

from __future__ import annotations

import time

from holdfast.compose.overrides import process_name
from holdfast.runtimes.compose import containers
from holdfast.runtimes.compose.records import OTHERS
from holdfast.runtimes.compose.released import Released

_PATIENCE = 30.0
"""Seconds for which a release waits before it serves; what takes longer goes on beside it."""

_POLL = 0.2


def run(one: Released) -> None:
    """Run it once for this release. How it ended is for ``status``, as nobody else minds."""
    names = {process_name(name): name for name in one.said.ended}
    if not names:
        return
    there = [item for item in containers.find(one.app) if item.process in names]
    did = {item.process for item in there if item.is_of(one.release.id)}
    if wanted := [service for process, service in names.items() if process not in did]:
        one.write(OTHERS, one.others)
        words = ("up", "--detach", "--no-deps", "--no-build", "--force-recreate")
        one.call(OTHERS, *words, *wanted)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if not any(item.running for item in containers.find(one.app) if item.process in names):
            return
        time.sleep(_POLL)
