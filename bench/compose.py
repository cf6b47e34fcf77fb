"""Compose projects on a real server: small ones with a hard thing each, compose-shop under load.

``projects_live`` of ``projects`` (tests/compose/cases.py) went live unmodified, were replaced under
load and rolled back. ``compose-shop`` goes live and is deployed five times under load, with both
strategies by turns; beside it, after each of our deploys, the same project, with the same load, is
replaced by plain ``docker compose up --detach --build``. ``over_plain_s`` compares one deploy of
each, medians of the rounds: ours from the laptop's command to its end, theirs on the server, the
source already there. ``over_plain_live_s`` compares until the new release answers: theirs has ended
before it does.
``faults_survived`` of ``faults`` (tests/compose/faults.py) did what they should.
"""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.harness import Results, say, scratch
from tests.compose.cases import PROJECTS
from tests.compose.example import Example, Plain, Visits, visited
from tests.compose.faults import FAULTS
from tests.compose.projects import Shop
from tests.machines.base_images import NGINX, POSTGRES, PYTHON, REDIS, Base, load
from tests.machines.bed import Bed
from tests.machines.machine import Machine

ROUNDS = 5

_PAUSE = 2.0
"""Seconds after a deploy, for what goes on behind it."""


def run(rounds: int) -> Results:
    """``failed`` and ``out_of_order`` are sums over all requests of compose-shop's deploys."""
    return {**shop(rounds), **projects(tuple(PROJECTS)), **faults(tuple(FAULTS))}


def projects(names: Sequence[str]) -> Results:
    """The small projects, one after the other, on a server of their own."""
    with server_with(PYTHON, NGINX) as server, scratch() as home:
        live = sum(_lives(server, name, home / name, PROJECTS[name]) for name in names)
    return {"projects": len(names), "projects_live": live}


def faults(names: Sequence[str]) -> Results:
    """What goes wrong (tests/compose/faults.py), likewise."""
    with server_with(PYTHON) as server, scratch() as home:
        well = sum(_lives(server, name, home / name, FAULTS[name]) for name in names)
    return {"faults": len(names), "faults_survived": well}


def shop(rounds: int) -> Results:
    """compose-shop, ours and plain, on a server of its own."""
    with server_with(PYTHON, POSTGRES, REDIS) as server, scratch() as home:
        return _shop(server, home / "shop", rounds)


@contextmanager
def server_with(*bases: Base) -> Iterator[Machine]:
    """A Debian 13 server with Docker, and base images in it."""
    with Bed() as bed, bed.machine("13", docker=True) as server:
        server.boot()
        server.wait_for_boot()
        load(server, *bases)
        yield server


def _lives(server: Machine, name: str, home: Path, proof: Callable[[Shop], None]) -> bool:
    home.mkdir()
    began = time.monotonic()
    shop = Shop(server, home / "shop", name)
    try:
        proof(shop)
    except (AssertionError, OSError, subprocess.SubprocessError) as error:
        say(f"  {name}: {str(error)[-2000:]}")
        return False
    finally:
        shop.holdfast("destroy", "--yes", check=False)
    say(f"  {name}: well, {time.monotonic() - began:.0f} s")
    return True


def _shop(server: Machine, home: Path, rounds: int) -> Results:
    home.mkdir()
    shop = Example(server, home / "shop")
    began = time.monotonic()
    shop.deploy("--env-file", str(shop.production))
    first = time.monotonic() - began
    plain = Plain(server, shop)
    try:
        ours, taken, theirs, plain_taken = _in_turns(shop, plain, rounds)
    finally:
        plain.down()
    ended, live = (statistics.median(one) for one in zip(*taken, strict=True))
    plain_ended, plain_live = (statistics.median(one) for one in zip(*plain_taken, strict=True))
    return {
        "failed": ours.seen.failed,
        "out_of_order": ours.seen.out_of_order,
        "posts_not_once": ours.seen.ledger.lost + ours.seen.ledger.doubled,
        "requests": ours.seen.requests,
        "plain_failed": theirs.seen.failed,
        "plain_requests": theirs.seen.requests,
        "plain_down_s": round(theirs.gap, 2),
        "over_plain_s": round(ended - plain_ended, 2),
        "over_plain_live_s": round(live - plain_live, 2),
        "first_s": round(first, 1),
        "deploy_s": round(ended, 2),
        "plain_s": round(plain_ended, 2),
        "longest_wait_s": round(ours.seen.greatest_wait, 2),
    }


Taken = list[tuple[float, float]]
"""Of each deploy: seconds to its end, and until the new release answered."""


def _in_turns(shop: Example, plain: Plain, rounds: int) -> tuple[Visits, Taken, Visits, Taken]:
    """Ours and plain Compose's in every round, each with its own visitors all the while."""
    numbers = range(2, rounds + 2)
    versions = [str(number) for number in (1, *numbers)]
    # Others than ours: the builder would have them already.
    plain_versions = [f"{number}0" for number in (1, *numbers)]
    taken: Taken = []
    plain_taken: Taken = []
    shop.version(10)
    plain.send()
    plain.up()
    plain.wait()
    with (
        visited(shop.server, shop.host, versions, shop=shop) as visits,
        visited(shop.server, shop.host, plain_versions, Plain.PORT) as plain_visits,
    ):
        for number in numbers:
            shop.version(number)
            taken.append(_deployed(shop, "hold" if number % 2 else "handover"))
            time.sleep(_PAUSE)
            shop.version(number * 10)
            plain.send()
            plain_taken.append(_plainly(plain))
            time.sleep(_PAUSE)
    return visits, taken, plain_visits, plain_taken


def _deployed(shop: Example, strategy: str) -> tuple[float, float]:
    began = time.time()
    events = shop.deploy("--strategy", strategy)
    ended = time.time()
    live = _opened(events) - began
    say(f"  compose-shop, {strategy}: {ended - began:.1f} s, live after {live:.1f} s")
    phases = _phases(events, began, ended)
    say("    " + ", ".join(f"{name} {seconds:.2f}" for name, seconds in phases))
    return ended - began, live


def _phases(
    events: Sequence[Mapping[str, Any]], began: float, ended: float
) -> Iterator[tuple[str, float]]:
    """Each step with its seconds; what came before the first, and after the deploy's end."""
    yield "start", float(next(item["at"] for item in events if "at" in item)) - began
    for item in events:
        if item.get("event") == "step.done":
            yield str(item["step"]), float(item["seconds"])
        elif item.get("event") == "deploy.ended":
            yield "end", ended - float(item["at"])


def _opened(events: Sequence[Mapping[str, Any]]) -> float:
    """When the gate opened to the new release; the server's clock is this machine's."""
    done = (item for item in events if item.get("event") == "step.done")
    return next(float(item["at"]) for item in done if item["step"] == "open")


def _plainly(plain: Plain) -> tuple[float, float]:
    began = time.monotonic()
    ended = plain.up()
    plain.wait()
    live = time.monotonic() - began
    say(f"  plain docker compose up: {ended:.1f} s, live after {live:.1f} s")
    return ended, live
