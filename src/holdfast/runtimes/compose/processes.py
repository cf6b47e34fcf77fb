"""The processes of an app by their names: workers are started here, webs and workers stopped."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from holdfast.compose.overrides import process_name
from holdfast.errors import ProcessError
from holdfast.layout import Layout
from holdfast.runtimes.compose import containers, hooks, records, steady, taking
from holdfast.runtimes.compose.containers import Container
from holdfast.runtimes.compose.records import OTHERS
from holdfast.runtimes.compose.released import Released
from holdfast.runtimes.started import Started

GRACE = 10.0
"""Seconds from TERM to KILL for what nobody said anything about."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")


def prepare_workers(one: Released) -> None:
    """Have Compose make the workers' containers, where it need not be there to start them."""
    if one.said.workers and all(map(one.starts_alone, one.said.workers)):
        taking.take(one, last=False)
        one.write(OTHERS, one.others)
        one.call(OTHERS, "up", "--no-start", "--no-deps", "--no-build", *one.said.workers)


def start_workers(one: Released) -> None:
    """Start the release's workers; those that it has no more are stopped."""
    said, layout = one.said, one.layout
    names = [process_name(name) for name in said.workers]
    for name in names:
        _check_name(name)
    gone = [name for name in workers(layout, one.app) if name not in names]
    stop(layout, one.app, {name: _grace(layout, one.app, name) for name in gone})
    if not said.workers:
        return
    taking.take(one, last=False)
    as_made = not one.write(OTHERS, one.others)
    steady.ensure(one)
    graces = {item.name: item.stop_grace for item in one.release.spec.processes}
    for name in names:
        wanted = Started(one.release.id, None, graces.get(name, GRACE))
        records.remember(layout, one.app, name, wanted)
    made = [item for item in containers.find(one.app) if item.process in names]
    if as_made and _waits(one, made):
        containers.start(item.id for item in made)
    else:
        one.call(OTHERS, "up", "--detach", "--no-deps", "--no-build", *said.workers)
    there = {item.id for item in made if item.running}
    hooks.after_start(one.document, said.workers, lambda: _new(one.app, names, there))


def _new(app: str, names: Collection[str], before: Collection[str]) -> list[Container]:
    """The containers of processes that run now and did not before."""
    found = containers.find(app)
    return [item for item in found if item.process in names and item.id not in before]


def _waits(one: Released, made: Sequence[Container]) -> bool:
    """Whether every worker's container was made for this release and only has to be started."""
    fresh = all(item.made_for(one.release.id) for item in made)
    return fresh and {item.process for item in made} == {*map(process_name, one.said.workers)}


def stop_workers(layout: Layout, app: str, grace: float | None) -> None:
    """Stop all of them, each with its own grace if none is said."""
    names = workers(layout, app)
    asked = {name: _grace(layout, app, name) if grace is None else grace for name in names}
    stop(layout, app, asked)


def workers(layout: Layout, app: str) -> list[str]:
    return [name for name in records.names(layout, app) if not name.startswith("web.")]


def stop(layout: Layout, app: str, graces: Mapping[str, float]) -> None:
    """Stop processes by name. They are forgotten last: what is half done is done again."""
    if not graces or not records.directory(layout, app).is_dir():
        return
    found = [item for item in containers.find(app) if item.process in graces]
    alive = {
        item.id: graces[item.process]
        for item in found
        if item.raw["State"]["Running"] or item.raw["State"]["Restarting"]
    }
    hooks.before_stop(layout, app, alive, [item for item in found if item.id in alive])
    containers.stop(alive)
    for name in graces:
        records.forget(layout, app, name)


def _grace(layout: Layout, app: str, name: str) -> float:
    started = records.started(layout, app, name)
    return started.grace if started else GRACE


def _check_name(name: str) -> None:
    if name in ("engine", "web", "run", "others") or not _NAME.match(name):
        raise ProcessError(
            f"a process cannot be called {name!r}",
            hint="engine, web, run and others are taken; letters, digits, - and _ are fine",
        )
