"""The web of a release in a slot: a container of its own, at an address that stays."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.compose import overrides
from holdfast.compose.overrides import Place
from holdfast.runtimes.compose import api, containers, network, records, steady
from holdfast.runtimes.compose.containers import Container
from holdfast.runtimes.compose.released import OTHERS, Released
from holdfast.runtimes.contract import Slot
from holdfast.runtimes.started import Started

_UP = ("up", "--no-deps", "--no-build", "--force-recreate", "--timeout=1")


@dataclass(frozen=True, slots=True)
class _Slot:
    """A web in its slot as it is to be; ``changed``: it was to be in another way before."""

    name: str
    address: str
    changed: bool

    def containers(self, one: Released) -> list[Container]:
        """Those of the slot, if they may be what is to be there."""
        return [] if self.changed else containers.find(one.app, self.name)


def prepare(one: Released, slot: Slot) -> None:
    """Have its container made, where Compose need not be there to start it."""
    wanted = _written(one, slot)
    made = (item.made_for(one.release.id) for item in wanted.containers(one))
    if one.starts_alone(one.said.web) and not any(made):
        _make(one, wanted.name, "--no-start")


def start(one: Released, slot: Slot) -> str:
    """Start it, what it depends on first; its address. One that runs already is left alone."""
    steady.ensure(one)
    wanted = _written(one, slot)
    found = wanted.containers(one)
    told = Started(one.release.id, wanted.address, one.release.spec.web.stop_grace)
    if records.started(one.layout, one.app, wanted.name) == told:
        if any(item.running for item in found):
            return wanted.address
    records.remember(one.layout, one.app, wanted.name, told)
    made = [item.id for item in found if item.made_for(one.release.id)]
    if made and one.starts_alone(one.said.web):
        containers.start(made)
    else:
        _make(one, wanted.name, "--detach")
    return wanted.address


def _written(one: Released, slot: Slot) -> _Slot:
    """Write it down for Compose."""
    app, said, document = one.app, one.said, one.document
    own = document["services"][said.web].get("network_mode") == "host"
    at = None if own else network.address(app, slot)
    place = Place(slot, at, overrides.edge_network(app))
    name = f"web.{slot}"
    changed = one.write(name, overrides.for_web(document, app, said, one.release.id, place))
    return _Slot(name, f"{at or '127.0.0.1'}:{said.port}", changed)


def _make(one: Released, name: str, way: str) -> None:
    _networks(one)
    one.call(name, *_UP, way, "--scale", f"{one.said.web}=1", one.said.web)


def _networks(one: Released) -> None:
    """Have Compose make the networks and volumes that the web shares with the others."""
    document = one.document
    web = document["services"][one.said.web]
    wanted = [document["networks"][name] for name in web.get("networks") or ()]
    names = [item["name"] for item in wanted if not item.get("external")]
    volumes = document.get("volumes") or {}
    mounted = [item["source"] for item in web.get("volumes") or () if item["type"] == "volume"]
    kept = [volumes[name]["name"] for name in mounted if name in volumes]
    there = len(api.inspect("network", names)) + len(api.inspect("volume", kept))
    if there == len({*names}) + len({*kept}):
        return
    one.write(OTHERS, one.others)
    one.call(OTHERS, "up", "--no-start", "--no-deps", "--no-build", one.said.web)
    containers.remove(item.id for item in containers.find(one.app, "run") if not item.running)
