"""The web of a release in a slot: a container of its own, at an address that stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from holdfast.compose import overrides
from holdfast.compose.overrides import Place
from holdfast.records import record
from holdfast.runtimes.compose import (
    api,
    containers,
    ending,
    hooks,
    network,
    ready,
    records,
    steady,
    taking,
)
from holdfast.runtimes.compose.containers import Container
from holdfast.runtimes.compose.records import OTHERS
from holdfast.runtimes.compose.released import Released
from holdfast.runtimes.contract import Slot
from holdfast.runtimes.started import Started

_UP = ("up", "--no-deps", "--no-build", "--force-recreate", "--timeout=1", "--renew-anon-volumes")
"""Volumes that still have no name hold what can be made again, of two releases ago."""


@record
class _Slot:
    """A web in its slot as it is to be; ``changed``: it was to be in another way before."""

    name: str
    address: str
    changed: bool
    behind: Mapping[str, str]

    def containers(self, one: Released) -> list[Container]:
        """Those of the slot, if they may be what is to be there."""
        return [] if self.changed else containers.find(one.app, self.name)


def prepare(one: Released, slot: Slot) -> None:
    """Have its container made, where Compose need not be there to start it."""
    wanted = _written(one, slot)
    made = (item.waits_for(one.release.id) for item in wanted.containers(one))
    if all(map(one.starts_alone, one.said.slot)) and not any(made):
        _make(one, wanted.name, one.said.slot, "--no-start")


def start(one: Released, slot: Slot) -> str:
    """Start it, what it depends on first; its address. One that runs already is left alone."""
    steady.ensure(one)
    taking.take(one)
    ending.run(one)
    wanted = _written(one, slot)
    found = wanted.containers(one)
    told = Started(one.release.id, wanted.address, one.release.spec.web.stop_grace)
    if records.started(one.layout, one.app, wanted.name) == told:
        if {item.service for item in found if item.running} == {*one.said.slot}:
            return wanted.address
    records.remember(one.layout, one.app, wanted.name, told)
    if one.said.behind:
        _start(one, wanted, one.said.behind)
        ready.wait_behind(one, wanted.name, wanted.behind)
    _start(one, wanted, (one.said.web,))
    if one.said.beside:
        # The network that they share is that of the container which runs now.
        _make(one, wanted.name, one.said.beside, "--detach")
        _after_start(one, wanted, one.said.beside)
    return wanted.address


def _start(one: Released, wanted: _Slot, services: Sequence[str]) -> None:
    """Start some of a slot: what was made for this release, or what Compose makes now.

    One of this release that has ended is started again: it may have written what is nowhere else.
    """
    made = [
        item
        for item in wanted.containers(one)
        if item.service in services and item.waits_for(one.release.id)
    ]
    whole = {item.service for item in made} == {*services}
    if whole and all(map(one.starts_alone, services)):
        containers.start(item.id for item in made)
    else:
        _make(one, wanted.name, services, "--detach")
    _after_start(one, wanted, services)


def _after_start(one: Released, wanted: _Slot, services: Sequence[str]) -> None:
    hooks.after_start(one.document, services, lambda: containers.find(one.app, wanted.name))


def _written(one: Released, slot: Slot) -> _Slot:
    """Write it down for Compose."""
    app, said, document = one.app, one.said, one.document
    own = document["services"][said.web].get("network_mode") == "host"
    at = None if own else network.address(app, slot)
    behind = {
        other: network.address(app, slot, number)
        for number, other in enumerate(said.behind, 1)
        if not document["services"][other].get("network_mode")
    }
    place = Place(slot, at, overrides.edge_network(app), behind)
    name = f"web.{slot}"
    changed = one.write(name, overrides.for_web(document, app, said, one.release.id, place))
    return _Slot(name, f"{at or '127.0.0.1'}:{said.port}", changed, behind)


def _make(one: Released, name: str, services: Sequence[str], way: str) -> None:
    _networks(one)
    each = (word for service in services for word in ("--scale", f"{service}=1"))
    one.call(name, *_UP, way, *each, *services)


def _networks(one: Released) -> None:
    """Have Compose make the networks and volumes that the web shares with the others."""
    document = one.document
    parts = [document["services"][name] for name in one.said.slot]
    wanted = [document["networks"][name] for part in parts for name in part.get("networks") or ()]
    names = list({item["name"] for item in wanted if not item.get("external")})
    volumes = document.get("volumes") or {}
    mounts = (item for part in parts for item in part.get("volumes") or ())
    mounted = {item.get("source") for item in mounts if item["type"] == "volume"}
    kept = [volumes[name]["name"] for name in mounted if name in volumes]
    there = len(api.inspect("network", names)) + len(api.inspect("volume", kept))
    if there == len({*names}) + len({*kept}):
        return
    one.write(OTHERS, one.others)
    one.call(OTHERS, "up", "--no-start", "--no-deps", "--no-build", *one.said.slot)
    containers.remove(item.id for item in containers.find(one.app, "run") if not item.running)
