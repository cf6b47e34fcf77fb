"""The web of a release in a slot: a container of its own, at an address that stays."""

from __future__ import annotations

from holdfast.compose import overrides
from holdfast.compose.overrides import Place
from holdfast.runtimes.compose import containers, docker, network, records, steady
from holdfast.runtimes.compose.released import OTHERS, Released
from holdfast.runtimes.contract import Slot
from holdfast.runtimes.started import Started


def start(one: Released, slot: Slot) -> str:
    """Start it, what it depends on first; its address. One that runs already is left alone."""
    app, said, document = one.app, one.said, one.document
    steady.ensure(one)
    own = document["services"][said.web].get("network_mode") == "host"
    at = None if own else network.address(app, slot)
    where = f"{at or '127.0.0.1'}:{said.port}"
    place = Place(slot, at, overrides.edge_network(app))
    name = f"web.{slot}"
    changed = one.write(name, overrides.for_web(document, app, said, one.release.id, place))
    wanted = Started(one.release.id, where, one.release.spec.web.stop_grace)
    if not changed and records.started(one.layout, app, name) == wanted:
        if any(item.running for item in containers.find(app, name)):
            return where
    records.remember(one.layout, app, name, wanted)
    _networks(one)
    words = ("up", "--detach", "--no-deps", "--no-build", "--force-recreate", "--timeout=1")
    one.call(name, *words, "--scale", f"{said.web}=1", said.web)
    return where


def _networks(one: Released) -> None:
    """Have Compose make the networks and volumes that the web shares with the others."""
    document = one.document
    web = document["services"][one.said.web]
    wanted = [document["networks"][name] for name in web.get("networks") or ()]
    names = [item["name"] for item in wanted if not item.get("external")]
    volumes = document.get("volumes") or {}
    mounted = [item["source"] for item in web.get("volumes") or () if item["type"] == "volume"]
    kept = [volumes[name]["name"] for name in mounted if name in volumes]
    there = len(docker.inspect("network", names)) + len(docker.inspect("volume", kept))
    if there == len({*names}) + len({*kept}):
        return
    one.call(OTHERS, "up", "--no-start", "--no-deps", "--no-build", one.said.web)
    containers.remove(item.id for item in containers.find(one.app, "run") if not item.running)
