"""Faults at each step of a deploy to a real server over SSH, with visitors meanwhile.

A case is a fault, a strategy and a step: the engine on a server (tests/machines) stops before
the step (holdfast.deploy.failpoint), the fault happens, the engine goes on. Handovers are met on
Debian 12 and holds on Debian 13, side by side; clocks jump on Debian 13 alone. ``recovered``
counts the cases that end as they should: the deploy succeeds without us (the laptop's faults, the
clock's), or the site serves the old release or the new one (the engine's, the power's, the disk's),
and the next command says how it ended. ``failed`` counts requests that got no right answer while
the server ran, ``lost`` POSTs that were answered well and are not stored, ``answered_twice`` rows
stored twice.

All of it takes long, so it can be played in parts (bench/parts.py): ``cases`` is how many were
played, by this go and those before it, ``cases_in_all`` how many there are; ``whole`` says whether
these are the same.

A container shares the machine's clock, which cannot be set: what jumps is the clock that nginx and
our programs are shown by libfaketime; the kernel's, systemd's and the app's stand. Where that
cannot be had the clock's cases are not played, and do not count as played.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from subprocess import SubprocessError
from typing import Any

from bench.faulty import Case, Faulty, fault_server
from bench.harness import ROOT, BenchError, Results, check, say
from bench.parts import Parts
from tests.machines.host import HostError
from tests.machines.machine import CommandFailed, Unreachable

ROUNDS = 1
SERVERS = {"handover": "12", "hold": "13"}
"""Strategies, and the Debian on which each is met."""
CLOCKED = "13"
"""The Debian on which clocks jump, with either strategy. With Debian 12's libfaketime, 0.9.10, told
to leave the monotonic clock alone, every ``time.sleep`` of Python 3.11 fails with EINVAL
(https://github.com/wolfcw/libfaketime/issues/426)."""

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

Played = Mapping[str, Mapping[str, Any]]
"""Outcomes by the names of cases, as :class:`bench.parts.Parts` keeps them."""

Cases = Mapping[str, tuple[Case, Fault]]
"""By their names."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a case; ``problem`` is empty where it recovered."""

    recovered: bool
    lost: int
    answered_twice: int
    failed: int
    seconds: float
    problem: str


def run(rounds: int, parts: Parts | None = None) -> Results:
    """Every fault at every step, ``rounds`` times, or the ``parts`` of it that are asked for."""
    parts = parts or Parts()
    before = parts.played()
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        releases = sorted({*SERVERS.values(), CLOCKED})
        every = list(pool.map(lambda release: _release(release, rounds, parts, before), releases))
    names = [name for there, _ in every for name in there]
    played = {**before, **{name: item for _, now in every for name, item in now.items()}}
    return summary(names, played)


def summary(names: Iterable[str], played: Played) -> Results:
    """The sums over those of ``names`` that were played; what else was is of another bench."""
    every = list(names)
    counted = [played[name] for name in every if name in played]
    commits = sorted({str(item.get("commit")) for item in counted})
    if len(commits) > 1:
        say(f"  played with more than one state of the code: {', '.join(commits)}")
    if len(counted) < len(every):
        say(f"  a part: {len(counted)} of {len(every)} cases were played")
    totals = ("recovered", "lost", "answered_twice", "failed")
    return {
        "cases": len(counted),
        **{name: sum(int(item[name]) for item in counted) for name in totals},
        "cases_in_all": len(every),
        "whole": len(counted) == len(every),
    }


def _release(
    release: str, rounds: int, parts: Parts, before: Played
) -> tuple[list[str], dict[str, Mapping[str, Any]]]:
    """The names of a Debian's cases, and what came of those played now on a server of it."""
    now: dict[str, Mapping[str, Any]] = {}
    commit = check(["git", "describe", "--always", "--dirty"], cwd=ROOT).strip()

    def left(cases: Cases) -> Iterable[tuple[str, Case, Fault]]:
        for name, (case, fault) in cases.items():
            if name not in before and parts.wants(name) and not parts.time_is_over():
                yield name, case, fault

    def go(server: Faulty, cases: Cases) -> None:
        for name, case, fault in left(cases):
            now[name] = {**asdict(play(server, case, fault)), "commit": commit}
            parts.keep(name, now[name])

    with fault_server(release) as server:
        plain, clock = _cases(server, release, rounds)
        go(server, plain)
        if any(left(clock)) and _has_clock(server):
            go(server, clock)
    return [*plain, *clock], now


def _cases(server: Faulty, release: str, rounds: int) -> tuple[Cases, Cases]:
    """Those that any clock will do for, and those that take a clock of the server's own, which it
    has until its next boot."""
    plain: dict[str, tuple[Case, Fault]] = {}
    clock: dict[str, tuple[Case, Fault]] = {}
    server.steps("handover")  # the first deploy replaces nothing, and so has fewer steps
    for strategy, debian in SERVERS.items():
        if release not in (debian, CLOCKED):
            continue
        steps = server.steps(strategy)
        say(f"  Debian {release}, {strategy}: {', '.join(steps)}")
        if release == debian:
            plain.update(_plain(strategy, steps, rounds))
        if release == CLOCKED:
            clock.update(_clock(strategy, steps, rounds))
    return plain, clock


def _plain(strategy: str, steps: list[str], rounds: int) -> Cases:
    once = [
        *((Case(name, strategy, step), fault) for step in steps for name, fault in FAULTS.items()),
        *((Case("disk full", strategy, place), Faulty.full_disk) for place in FULL),
    ]
    return _named(once, rounds)


def _clock(strategy: str, steps: list[str], rounds: int) -> Cases:
    once = [(Case(name, strategy, step), fault) for step in steps for name, fault in CLOCK.items()]
    return _named(once, rounds)


def _named(once: list[tuple[Case, Fault]], rounds: int) -> Cases:
    return {
        f"{case}{f', round {number}' if number > 1 else ''}": (case, fault)
        for number in range(1, rounds + 1)
        for case, fault in once
    }


def _has_clock(server: Faulty) -> bool:
    """Whether it could be given one; if not, nothing is known of any case, and none was played."""
    try:
        server.fake_clock()
        for strategy in SERVERS:
            server.steps(strategy)  # without a jump it must do as well as any other
    except WRONG as error:
        say(f"  no clock of the server's own, so its cases are not played: {error}")
        return False
    return True


def _unknown(problem: str) -> Outcome:
    """Of a case whose visitors' POSTs cannot be counted."""
    return Outcome(False, 0, 0, 0, 0.0, problem)


def play(server: Faulty, case: Case, fault: Fault) -> Outcome:
    """One case."""
    began = time.monotonic()
    server.laps.clear()
    with server.visitors() as visitors:
        try:
            problem = fault(server, case)
        except WRONG as error:
            problem = f"{type(error).__name__}: {error}"
        server.lap("fault")
    try:
        seen = visitors.account(case.name)
    except WRONG as error:
        say(f"  {case}: {problem}; what is stored cannot be read: {error}")
        return _unknown(f"{problem}; what is stored cannot be read: {error}")
    server.lap("account")
    said = problem or "recovered"
    if seen.failed or seen.ledger.lost or seen.ledger.doubled:
        said += f"; {seen.failed} failed {seen.errors}, {seen.ledger}"
    taken = time.monotonic() - began
    say(f"  {case}: {said} ({taken:.1f} s: {server.shown_laps(began)})")
    return Outcome(
        recovered=not problem,
        lost=seen.ledger.lost,
        answered_twice=seen.ledger.doubled,
        failed=seen.failed,
        seconds=round(taken, 1),
        problem=problem,
    )
