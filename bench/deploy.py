"""A code-only deploy of flask-notes and django-polls under light load, with both strategies.

``*_overhead_s`` is the wall time of ``holdfast deploy`` less the app's own boot: the same
command in the same environment, from its start to its first 200, measured in the same round.
What is only changed in code is handed over; ``*_hold_overhead_s`` is the same with hold asked for.
``handover_extra_wait_ms`` is the longest wait of any request during handovers less the app's
own slowest answer in as much time without a deploy; ``hold_extra_wait_ms`` the longest wait
during a hold less (release command + boot). All of them are medians of the rounds; what was
worst in any round is there, too, as ``*_worst_ms``.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path

from bench.harness import ROOT, BenchError, Results, say, scratch
from bench.proxies import connect
from demo.acts import NOTES, POLLS, App
from demo.place import Deployed, Place, place
from demo.visitors import Visitors
from examples.variants import make_variant
from holdfast.agent.machine import open_machine
from holdfast.layout import Layout

ROUNDS = 5
_RATE = 20.0
_CALM = 3.0
_PATIENCE = 60.0


@dataclass(slots=True)
class Round:
    """One app once with each strategy; everything in seconds."""

    boot: float
    calm: float
    overhead: dict[str, float] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)
    release: float = 0.0


def run(rounds: int) -> Results:
    """Both apps; ``failed`` counts requests, all of them, during all rounds."""
    taken: dict[str, list[Round]] = {}
    failed = 0
    with scratch() as home, place(ROOT / ".cache" / "demo") as here:
        for app in (NOTES, POLLS):
            taken[app.name], bad = _app(here, app, home, rounds)
            failed += bad
    every = [one for one_app in taken.values() for one in one_app]
    return {
        "flask_overhead_s": _overhead(taken[NOTES.name]),
        "django_overhead_s": _overhead(taken[POLLS.name]),
        **_waited("handover", [one.longest["handover"] - one.calm for one in every]),
        **_waited("hold", [one.longest["hold"] - one.release - one.boot for one in every]),
        "failed": failed,
        **_apart("flask", taken[NOTES.name]),
        **_apart("django", taken[POLLS.name]),
        "flask_boot_s": round(statistics.median(one.boot for one in taken[NOTES.name]), 2),
        "django_boot_s": round(statistics.median(one.boot for one in taken[POLLS.name]), 2),
        "handover_longest_wait_ms": _milliseconds(max(one.longest["handover"] for one in every)),
        "hold_longest_wait_ms": _milliseconds(max(one.longest["hold"] for one in every)),
        "calm_longest_wait_ms": _milliseconds(max(one.calm for one in every)),
    }


def _overhead(rounds: Sequence[Round]) -> float:
    """Of a handover, which is what a code-only deploy is; the median over the rounds."""
    return _apart("", rounds)["_handover_overhead_s"]


def _apart(app: str, rounds: Sequence[Round]) -> dict[str, float]:
    """Each strategy's own; the median over the rounds."""
    return {
        f"{app}_{strategy}_overhead_s": round(
            statistics.median(one.overhead[strategy] for one in rounds), 2
        )
        for strategy in ("handover", "hold")
    }


def _waited(strategy: str, extra: Sequence[float]) -> Results:
    """The longest extra wait of a round, in the middle of them and in the worst of all."""
    return {
        f"{strategy}_extra_wait_ms": _milliseconds(statistics.median(extra)),
        f"{strategy}_extra_wait_worst_ms": _milliseconds(max(extra)),
    }


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 1)


def _app(here: Place, app: App, home: Path, rounds: int) -> tuple[list[Round], int]:
    versions = (str(number) for number in count(1))
    _deploy(here, app, home, next(versions), "auto")
    taken = []
    with ExitStack() as stack:
        visitors = stack.enter_context(Visitors(app.name, here.port, app.site(), _RATE))
        for index in range(rounds):
            one = _round(here, app, home, versions, visitors)
            taken.append(one)
            say(f"  {app.example}, round {index + 1}/{rounds}: boot {one.boot:.2f} s, {_told(one)}")
    visitors.look_back([])
    seen = visitors.account([])
    if seen.errors:
        say(f"  {app.example}: {seen.errors}")
    return taken, seen.failed + seen.ledger.lost + seen.ledger.doubled


def _round(here: Place, app: App, home: Path, versions: Iterator[str], visitors: Visitors) -> Round:
    one = Round(boot=_boot(here, app), calm=_calm(visitors))
    for strategy in ("handover", "hold"):
        deployed = _deploy(here, app, home, next(versions), strategy)
        time.sleep(0.5)  # who waits at its end is answered
        waits = _waits(visitors, deployed.began, deployed.ended)
        say(f"    {strategy}: {deployed.seconds:.2f} s: {_steps(deployed)}")
        one.overhead[strategy] = deployed.seconds - one.boot
        one.longest[strategy] = max(waits)
        one.release = max(one.release, deployed.steps.get("migrate", 0.0))
    return one


def _told(one: Round) -> str:
    return ", ".join(
        f"{name}: overhead {one.overhead[name]:.2f} s, longest wait {1000 * wait:.0f} ms"
        for name, wait in one.longest.items()
    )


def _steps(deployed: Deployed) -> str:
    """The steps that took some time."""
    return ", ".join(
        f"{name} {taken:.2f}" for name, taken in deployed.steps.items() if taken >= 0.02
    )


def _deploy(here: Place, app: App, home: Path, version: str, strategy: str) -> Deployed:
    source = make_variant(app.example, "plain", home / app.name, version)
    deployed = here.deploy(source, app.name, strategy=strategy)
    if deployed.outcome != "succeeded":
        raise BenchError(f"{app.example}: the deploy was {deployed.outcome}: {deployed.error}")
    return deployed


def _calm(visitors: Visitors) -> float:
    """The app's slowest answer while nobody deploys."""
    began = time.monotonic()
    time.sleep(_CALM)
    return max(_waits(visitors, began, time.monotonic()))


def _waits(visitors: Visitors, began: float, ended: float) -> list[float]:
    return [
        one.wait
        for one in visitors.run.records
        if one.answered and one.answered >= began and one.began <= ended
    ]


def _boot(here: Place, app: App) -> float:
    """Start what serves a second time, on a socket of ours, to its first 200."""
    layout = Layout(here.root)
    machine = open_machine(layout)
    release = machine.releases(app.name).current()
    if release is None:
        raise BenchError(f"{app.name} is not deployed")
    with scratch() as home:
        socket = home / "boot.sock"
        env = machine.runtime.command_environment(release, machine.environment(release))
        variables = {
            name: value if isinstance(value, str) else value.value for name, value in env.items()
        }
        started = time.monotonic()
        with _process(
            release.spec.web.command,
            release.source / release.spec.web.directory,
            {**variables, "HOLDFAST_SOCKET": str(socket)},
        ):
            while not _healthy(f"unix:{socket}", release.spec.web.health, app.name):
                if time.monotonic() > started + _PATIENCE:
                    raise BenchError(f"{app.name} does not boot by itself")
                time.sleep(0.005)
            return time.monotonic() - started


@contextmanager
def _process(command: str, directory: Path, env: dict[str, str]) -> Iterator[None]:
    """The app's web command, as the runtime runs it: by the shell."""
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=directory,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _healthy(address: str, path: str, app: str) -> bool:
    try:
        with connect(address) as connection:
            request = f"GET {path} HTTP/1.0\r\nHost: {app}.localhost\r\n\r\n"
            connection.sendall(request.encode())
            return connection.recv(64).split(b" ")[1:2] == [b"%d" % HTTPStatus.OK]
    except OSError:
        return False
