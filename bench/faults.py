"""Faults at each step of a deploy to a real server over SSH, with visitors meanwhile.

A case is a fault, a strategy and a step: the engine on a Debian server (tests/machines) stops
before the step (holdfast.deploy.failpoint), the fault happens, the engine goes on. ``recovered``
counts the cases that end as they should: the deploy succeeds without us (the laptop's faults),
or the site serves the old release or the new one after boot (the power's), and the next command
says how it ended. ``failed`` counts requests that got no right answer while the server ran,
``lost`` POSTs that were answered well and are not stored, ``answered_twice`` rows stored twice.

A container shares the machine's clock, so its clock cannot be set: there is no case for that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from bench.faulty import Case, Faulty, fault_server
from bench.harness import BenchError, Results, say

ROUNDS = 1
STRATEGIES = ("handover", "hold")


@dataclass(slots=True)
class Sum:
    """What came of all cases."""

    cases: int = 0
    recovered: int = 0
    lost: int = 0
    answered_twice: int = 0
    failed: int = 0


def run(rounds: int) -> Results:
    """Every fault at every step, ``rounds`` times."""
    total = Sum()
    with fault_server() as server:
        for strategy in STRATEGIES:
            steps = server.steps(strategy)
            say(f"  {strategy}: {', '.join(steps)}")
            for _ in range(rounds):
                for step in steps:
                    for name, fault in FAULTS.items():
                        play(total, server, Case(name, strategy, step), fault)
        for name, place in (("disk full", "upload"), ("disk full", "build"), ("disk full", "open")):
            play(total, server, Case(name, "handover", place), Faulty.full_disk)
    return {
        "cases": total.cases,
        "recovered": total.recovered,
        "lost": total.lost,
        "answered_twice": total.answered_twice,
        "failed": total.failed,
    }


def play(total: Sum, server: Faulty, case: Case, fault: Callable[[Faulty, Case], str]) -> None:
    """One case, added to the sum."""
    began = time.monotonic()
    with server.visitors() as visitors:
        try:
            problem = fault(server, case)
        except (OSError, BenchError, TimeoutError) as error:
            problem = f"{type(error).__name__}: {error}"
    seen = visitors.account(case.name)
    total.cases += 1
    total.recovered += not problem
    total.lost += seen.ledger.lost
    total.answered_twice += seen.ledger.doubled
    total.failed += seen.failed
    said = problem or "recovered"
    if seen.failed or seen.ledger.lost or seen.ledger.doubled:
        said += f"; {seen.failed} failed {seen.errors}, {seen.ledger}"
    say(f"  {case}: {said} ({time.monotonic() - began:.1f} s)")


FAULTS: dict[str, Callable[[Faulty, Case], str]] = {
    "connection cut": Faulty.cut_connection,
    "laptop killed": Faulty.kill_laptop,
    "cable cut": Faulty.cut_cable,
    "power cut": Faulty.cut_power,
}
