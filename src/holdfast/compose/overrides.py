"""What the override of a release says: for its web in one slot, and for everything beside it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from holdfast.app import ComposeApp
from holdfast.compose import handed, override
from holdfast.compose.override import instead, reset
from holdfast.compose.project import COMPLETED
from holdfast.records import record

LABEL = "holdfast"
ENDS = f"{LABEL}.ends"
"""The label of what stays up in name only: it runs to its end once, as long as it is the same."""

UNWAITED = "unwaited"
"""The value of that label where nobody waits for the end, nor minds how it was."""

EDGE = "holdfast_edge"
"""The network, as services of the override call it, on which the edge reaches the web."""

Definition = Mapping[str, Any]


@record
class Place:
    """Where a web stands: its slot, its own address on the edge's network, that network's name.

    ``address`` is ``None`` for one that uses the server's own network; ``behind`` are the
    addresses of the services behind it.
    """

    slot: str
    address: str | None
    network: str
    behind: Mapping[str, str] = field(default_factory=dict)


def process_name(service: str) -> str:
    """What a service beside the web is called as a process; some names have a meaning of ours."""
    said = service.replace(".", "-")
    return f"{said}-service" if said in ("engine", "web", "run", "others") else said


def project_name(app: str) -> str:
    """The Compose project of an app; not the one of a person who works on it on this machine."""
    return f"hf-{app}"


def slot_project(app: str, slot: str) -> str:
    """The project of one slot's web. An app's name has no underscore, so it is nobody else's."""
    return f"{project_name(app)}_web_{slot}"


def edge_network(app: str) -> str:
    return f"{project_name(app)}_edge"


def for_web(
    document: Definition, app: str, said: ComposeApp, release: str, place: Place
) -> dict[str, Any]:
    """The override of a web: a container of its own, beside the one of the other slot.

    What it passes requests on to stands beside it, and is found by name: its own, not the other's.
    """
    result: dict[str, Any] = {"services": {}}
    networks: dict[str, Any] = {}
    volumes: dict[str, Any] = {}
    for name in said.slot:
        service = document["services"][name]
        ours = _service(document, app, said, name, release, f"web.{place.slot}")
        ours |= {"init": True} if name in said.deaf else {}
        address = place.address if name == said.web else place.behind.get(name)
        if address is not None:
            joined: dict[str, Any] = {EDGE: {"ipv4_address": address}}
            ours["networks"] = {**ours.get("networks", {}), **joined}
            networks[EDGE] = instead({"name": place.network, "external": True})
            for used in service.get("networks") or ():
                networks[used] = _elsewhere(document, "networks", used)
        shares = str(service.get("network_mode") or "").startswith(("service:", "container:"))
        if not shares and (
            hosts := [
                f"{called}:{at}"
                for other, at in place.behind.items()
                if other != name
                for called in _called(document, other)
            ]
        ):
            ours["extra_hosts"] = hosts
        for item in service.get("volumes") or ():
            if item["type"] == "volume" and item.get("source") in (document.get("volumes") or {}):
                volumes[item["source"]] = _elsewhere(document, "volumes", item["source"])
        result["services"][name] = ours
    result |= {"networks": networks} if networks else {}
    return result | ({"volumes": volumes} if volumes else {})


def _process(said: ComposeApp, name: str) -> str:
    return name if name in said.steady else process_name(name)


def _called(document: Definition, name: str) -> list[str]:
    """The names by which others on its networks know a service."""
    service = document["services"][name]
    said = [name, service.get("container_name"), *_aliases(document, name)]
    for network in (service.get("networks") or {}).values():
        said += (network or {}).get("aliases") or ()
    return [*dict.fromkeys(str(one) for one in said if one)]


def _aliases(document: Definition, name: str) -> list[str]:
    """What others call a service in their ``links``."""
    links = (
        str(link).partition(":")
        for item in document["services"].values()
        for link in item.get("links") or ()
    )
    return [*dict.fromkeys(alias for other, _, alias in links if other == name and alias != name)]


def for_others(document: Definition, app: str, said: ComposeApp, release: str) -> dict[str, Any]:
    """The override of all services but the web; and of the web as one-off commands run in it."""
    services: dict[str, Any] = {}
    for name in (*said.slot, *said.workers, *said.once, *said.ended, *said.steady):
        definition = document["services"].get(name)
        if definition is None:
            continue
        process = "run" if name in (*said.slot, *said.once) else _process(said, name)
        ours = _service(document, app, said, name, release, process)
        if name in said.ended:
            ours["labels"][ENDS] = UNWAITED
            ours.pop("restart", None)
        if name in said.steady:
            files = _handed(document, said, definition)
            if name in said.publish:
                files.append(definition.get("ports"))
            ours["labels"][f"{LABEL}.definition"] = digest(definition, ours, files)
            del ours["labels"][f"{LABEL}.release"]
            if name in said.ending or _ends(document, name):
                ours["labels"][ENDS] = UNWAITED if name in said.ending else "true"
                ours.pop("restart", None)
        services[name] = ours
    return {"services": services, **_copies(said)}


def _ends(document: Definition, name: str) -> bool:
    """Whether others wait for a service's end: it makes a bucket, say, and has done its work."""
    waited = ((item.get("depends_on") or {}).get(name) for item in document["services"].values())
    return any(how and how.get("condition") == COMPLETED for how in waited)


def _copies(said: ComposeApp) -> dict[str, Any]:
    """Configs and secrets that are taken from a copy which outlives the release, and volumes
    whose directory does; one that nobody mounts now is an empty one of Docker's."""
    found: dict[str, Any] = {}
    for key, place in said.fixed.items():
        kind, _, name = key.partition(":")
        if name.startswith("/"):
            continue
        if kind in handed.KINDS:
            found.setdefault(kind, {})[name] = {"file": place}
        elif kind == "volumes":
            options = {"device": place} if place else reset({})
            found.setdefault(kind, {})[name] = {"driver_opts": options}
    return found


def _handed(document: Definition, said: ComposeApp, definition: Definition) -> list[Any]:
    """What a service is handed, by its content: a file's copy is called after it."""
    return [
        said.fixed.get(f"{kind}:{name}") or (document.get(kind) or {}).get(name)
        for kind in handed.KINDS
        for name in handed.used(definition, kind)
    ]


def digest(definition: Definition, ours: Mapping[str, Any], files: Sequence[Any] = ()) -> str:
    """What a steady service is made of, as a hash: the same as long as it need not be touched.

    Args:
        files: what it is handed as configs and secrets.
    """
    aside = {"depends_on", "ports", "volumes"}
    left = {key: value for key, value in definition.items() if key not in aside}
    if "build" in left:
        # What was built counts, not from where: that is another directory each time.
        left = {**left, "build": None, "image": ours.get("image")}
    # As the project says them, mounts name the directory of the release, another one each time.
    volumes = ours.get("volumes")
    mounts = volumes.value if isinstance(volumes, override.Tagged) else definition.get("volumes")
    text = json.dumps([left, mounts, *files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _service(
    document: Definition, app: str, said: ComposeApp, name: str, release: str, process: str
) -> dict[str, Any]:
    definition = document["services"][name]
    labels = {f"{LABEL}.app": app, f"{LABEL}.process": process, f"{LABEL}.release": release}
    ours: dict[str, Any] = {"labels": labels}
    if name in said.images:
        ours["image"] = said.images[name]
        ours["pull_policy"] = "never"
    for key, empty in (("build", None), ("ports", []), ("depends_on", {}), ("links", [])):
        if definition.get(key) and not (key == "ports" and name in said.publish):
            ours[key] = reset(empty)
    if definition.get("profiles"):
        ours["profiles"] = reset([])
    if called := definition.get("container_name"):
        ours["container_name"] = reset(None)
    # A link leads to a service of the same project, where another may be meant now.
    names = [*([called] if called else []), *_aliases(document, name)]
    if names and not definition.get("network_mode"):
        ours["networks"] = {
            key: {"aliases": [*((value or {}).get("aliases") or ()), *names]}
            for key, value in (definition.get("networks") or {}).items()
        }
    if process != "run" and definition.get("restart", "no") in ("", "no"):
        ours["restart"] = "unless-stopped"
    if not definition.get("logging"):
        # Docker's own driver that rotates; the default one fills the disk.
        ours["logging"] = {"driver": "local"}
    if (mounts := _mounts(definition, said, name)) is not None:
        ours["volumes"] = instead(mounts)
    return ours


def _mounts(definition: Definition, said: ComposeApp, name: str) -> list[Any] | None:
    """The mounts if they differ from what the project says."""
    before = definition.get("volumes") or []
    after = []
    for item in before:
        key = f"{name}:{item.get('target')}"
        if key in said.dropped:
            continue
        after.append(_instead_of(item, said.fixed[key]) if key in said.fixed else item)
    for key, place in said.kept.items():
        service, _, target = key.partition(":")
        if service == name:
            after.append({"type": "bind", "source": place, "target": target})
    return after if after != before else None


def _instead_of(mount: Definition, place: str) -> dict[str, Any]:
    """The same mount of another place; of a named volume, no more than what binds have, too."""
    if mount["type"] == "bind":
        return {**mount, "source": place}
    kept = {key: mount[key] for key in ("target", "read_only") if key in mount}
    return {"type": "bind", "source": place, **kept}


def _elsewhere(document: Definition, kind: str, name: str) -> override.Tagged:
    """A network or volume that the app's own project has made."""
    return instead({"name": document[kind][name]["name"], "external": True})


def shown(document: Definition, app: str, said: ComposeApp, release: str) -> str:
    """Both overrides as a person reads them; the address is chosen when the app is started."""
    own = "AN.ADDRESS.OF.ITS.OWN"
    place = Place("a", own, edge_network(app), dict.fromkeys(said.behind, own))
    web = for_web(document, app, said, release, place)
    others = for_others(document, app, said, release)
    return "\n".join(
        (
            override.text(web, f"The web, in a project of its own: {slot_project(app, 'a')}"),
            override.text(others, f"Everything beside it: {project_name(app)}"),
        )
    )
