"""What stays up from release to release: databases, caches, brokers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from holdfast.app import ComposeApp
from holdfast.compose.overrides import ENDS, LABEL
from holdfast.compose.project import HEALTHY
from holdfast.runtimes.compose import containers, docker, drift, hooks, leaning, ready
from holdfast.runtimes.compose.containers import Container
from holdfast.runtimes.compose.records import OTHERS
from holdfast.runtimes.compose.released import Released

_UNNAMED = re.compile(r"[0-9a-f]{64}\Z")
"""What Docker calls a volume to which nobody gave a name."""


def ensure(one: Released) -> None:
    """Start those that do not run or are defined in another way; wait until they are ready."""
    one.write(OTHERS, one.others)
    drift.remember(one.layout, one.app, definitions(one.others, one.said))
    if not one.said.steady:
        return
    wanted = changed(one.others, one.said, containers.find(one.app))
    asked = _asked_for_health(one.document)
    for names in leaning.waves(_waits(one, wanted)):
        words = ("up", "--detach", "--no-deps", "--no-build")
        one.call(OTHERS, *words, *names, timeout=docker.PULLING)
        hooks.after_start(one.document, names, partial(_of, one.app, names))
        ready.wait(one.app, names, asked)


def _of(app: str, names: Sequence[str]) -> list[Container]:
    return [item for item in containers.find(app) if item.process in names]


def _waits(one: Released, wanted: Sequence[str]) -> dict[str, dict[str, str]]:
    """For each of them those that are to be ready before: what it depends on.

    What runs to its end works on what stays up, whether or not it says so.
    """
    services = one.document["services"]
    said = {name: {*(services[name].get("depends_on") or ())} & {*wanted} for name in wanted}
    ending = {name for name in wanted if ENDS in one.others["services"][name]["labels"]}
    goes_on = {name for name in wanted if name not in ending and not said[name] & ending}
    for name in ending:
        said[name] = said[name] or goes_on
    return {name: {other: other for other in found} for name, found in said.items()}


def _asked_for_health(document: Mapping[str, Any]) -> frozenset[str]:
    """The services for whose health another waits."""
    return frozenset(
        name
        for item in document["services"].values()
        for name, how in (item.get("depends_on") or {}).items()
        if how and how.get("condition") == HEALTHY
    )


def replaced(one: Released) -> tuple[str, ...]:
    """Those that run and would be made anew for a release."""
    found = containers.find(one.app)
    there = {item.process for item in found if item.running}
    if not there.intersection(one.said.steady):
        return ()
    return tuple(name for name in changed(one.others, one.said, found) if name in there)


def unnamed(app: str) -> Iterator[str]:
    """Where steady services that were made before have volumes without a name.

    Those stay: Compose takes them over, and another volume there would be an empty one.
    """
    for item in containers.find(app):
        if f"{LABEL}.definition" in item.labels:
            for mount in item.raw["Mounts"]:
                if mount["Type"] == "volume" and _UNNAMED.match(mount["Name"]):
                    yield f"{item.service}:{mount['Destination']}"


def changed(ours: Mapping[str, Any], said: ComposeApp, found: Sequence[Container]) -> list[str]:
    """Those that do not run as they are defined now.

    Args:
        ours: the override.
    """
    runs = {item.process: item.labels.get(f"{LABEL}.definition") for item in found if item.serves}
    wanted = definitions(ours, said)
    return [name for name, definition in wanted.items() if runs.get(name) != definition]


def definitions(ours: Mapping[str, Any], said: ComposeApp) -> dict[str, str]:
    """The hash of what each is made of."""
    return {
        name: ours["services"][name]["labels"][f"{LABEL}.definition"]
        for name in said.steady
        if name in ours["services"]
    }
