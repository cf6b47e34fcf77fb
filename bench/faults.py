"""Faults at each step of a deploy to a real server over SSH, with visitors meanwhile.

A case is a fault, a strategy and a step: the engine on a server (tests/machines) stops before
the step (holdfast.deploy.failpoint), the fault happens, the engine goes on. Handovers are met on
Debian 12 and holds on Debian 13, side by side. ``recovered`` counts the cases that end as they
should: the deploy succeeds without us (the laptop's faults, the clock's), or the site serves the
old release or the new one (the engine's, the power's, the disk's), and the next command says how
it ended. ``failed`` counts requests that got no right answer while the server ran, ``lost`` POSTs
that were answered well and are not stored, ``answered_twice`` rows stored twice.

A container shares the machine's clock, which cannot be set: what jumps is the clock that nginx and
our programs are shown by libfaketime; the kernel's, systemd's and the app's stand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from subprocess import SubprocessError

from bench.faulty import Case, Faulty, fault_server
from bench.harness import BenchError, Results, say
from tests.machines.host import HostError
from tests.machines.machine import CommandFailed, Unreachable

ROUNDS = 1
SERVERS = {"handover": "12", "hold": "13"}
"""Strategies, and the Debian on which each is met."""

Fault = Callable[[Faulty, Case], str]

FAULTS: Mapping[str, Fault] = {
    "engine killed": Faulty.kill_engine,
    "connection cut": Faulty.cut_connection,
    "laptop killed": Faulty.kill_laptop,
    "cable cut": Faulty.cut_cable,
    "power cut": Faulty.cut_power,
}
CLOCK: Mapping[str, Fault] = {
    "clock ahead": Faulty.clock_ahead,
    "clock back": Faulty.clock_back,
}
FULL = ("upload", "build", "open")
"""Where the disk fills up; before ``open`` it is the journal that finds no room."""


WRONG = (OSError, RuntimeError, BenchError, SubprocessError, CommandFailed, Unreachable, HostError)
"""What a server that did not recover comes out as: one case, not the end of the bench."""


@dataclass(slots=True)
class Sum:
    """What came of cases."""

    cases: int = 0
    recovered: int = 0
    lost: int = 0
    answered_twice: int = 0
    failed: int = 0


def run(rounds: int) -> Results:
    """Every fault at every step, ``rounds`` times."""
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        sums = list(pool.map(lambda strategy: _strategy(strategy, rounds), SERVERS))
    return {name: sum(asdict(one)[name] for one in sums) for name in asdict(Sum())}


def _strategy(strategy: str, rounds: int) -> Sum:
    """All cases of a strategy, on a server of its own."""
    total = Sum()
    with fault_server(SERVERS[strategy]) as server:
        server.steps(strategy)  # the first deploy replaces nothing, and so has fewer steps
        steps = server.steps(strategy)
        say(f"  {strategy}: {', '.join(steps)}")
        for _ in range(rounds):
            _every(total, server, strategy, steps, FAULTS)
            for place in FULL:
                play(total, server, Case("disk full", strategy, place), Faulty.full_disk)
        try:
            server.fake_clock()
            server.steps(strategy)  # without a jump it must do as well as any other
        except WRONG as error:
            say(f"  {strategy}: no clock of its own, so not one of its cases recovers: {error}")
            total.cases += rounds * len(steps) * len(CLOCK)
            return total
        for _ in range(rounds):
            _every(total, server, strategy, steps, CLOCK)
    return total


def _every(
    total: Sum, server: Faulty, strategy: str, steps: list[str], faults: Mapping[str, Fault]
) -> None:
    for step in steps:
        for name, fault in faults.items():
            play(total, server, Case(name, strategy, step), fault)


def play(total: Sum, server: Faulty, case: Case, fault: Fault) -> None:
    """One case, added to the sum."""
    began = time.monotonic()
    total.cases += 1
    with server.visitors() as visitors:
        try:
            problem = fault(server, case)
        except WRONG as error:
            problem = f"{type(error).__name__}: {error}"
    try:
        seen = visitors.account(case.name)
    except WRONG as error:
        say(f"  {case}: {problem}; what is stored cannot be read: {error}")
        return
    total.recovered += not problem
    total.lost += seen.ledger.lost
    total.answered_twice += seen.ledger.doubled
    total.failed += seen.failed
    said = problem or "recovered"
    if seen.failed or seen.ledger.lost or seen.ledger.doubled:
        said += f"; {seen.failed} failed {seen.errors}, {seen.ledger}"
    say(f"  {case}: {said} ({time.monotonic() - began:.1f} s)")
