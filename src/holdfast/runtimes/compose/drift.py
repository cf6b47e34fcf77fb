"""What somebody did to an app's containers by hand, beside us: seen, said, never undone unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from holdfast.compose.overrides import ENDS, LABEL, UNWAITED, project_name
from holdfast.layout import Layout
from holdfast.runtimes.compose import api, containers, records
from holdfast.runtimes.compose.containers import Container

_OFTEN = 3
"""Times that a container has ended, after which nobody takes it for one that goes on."""

_RIGHT = "the next deploy puts that right"


def steady(layout: Layout, app: str) -> dict[str, str]:
    """The services that ought to stay up, each with the hash of its definition."""
    try:
        found: dict[str, str] = json.loads((records.directory(layout, app) / "steady").read_text())
        return found
    except (OSError, ValueError):
        return {}


def remember(layout: Layout, app: str, definitions: Mapping[str, str]) -> None:
    """Write down what :func:`steady` reads."""
    records.write(records.make(layout, app) / "steady", json.dumps(definitions, sort_keys=True))


def seen(layout: Layout, app: str) -> Iterator[str]:
    """Every difference between what we started and what is there, as a sentence."""
    found = containers.find(app)
    running = {item.process: item for item in found if item.serves}
    aside = {item.process for item in found if item.labels.get(ENDS) == UNWAITED}
    for name in records.names(layout, app):
        if name not in {item.process for item in found}:
            yield f"the container of {name} was removed; {_RIGHT}"
    for name, definition in steady(layout, app).items():
        if name not in running and name not in aside:
            yield f"the service {name} does not run; {_RIGHT}"
        elif name in running and running[name].labels.get(f"{LABEL}.definition") != definition:
            yield f"the service {name} runs with another definition; {_RIGHT}"
    for item in found:
        yield from _ill(item)
    yield from _foreign(app, found)


def _ill(item: Container) -> Iterator[str]:
    """What has ended that was to go on, or was to end well; and what says that it is ill."""
    name, status = item.process, item.raw["State"]["ExitCode"]
    often = int(item.raw["RestartCount"])
    if ENDS not in item.labels and often >= _OFTEN and status == 0:
        way = 'restart: "no" in its Compose file has it run once with each release'
        yield f"{name} ends by itself, and was started {often} times again; {way}"
    if f"{LABEL}.definition" in item.labels and item.running and item.health == "unhealthy":
        way = f"docker inspect {str(item.raw['Name']).lstrip('/')} has what it said"
        yield f"the service {name} is ill by its own health check; {way}"
    if item.labels.get(ENDS) == UNWAITED and item.failed:
        yield f"{name} ended with status {status}; holdfast logs {name} says why"


def _foreign(app: str, ours: list[Container]) -> Iterator[str]:
    """Containers in a project of ours that we did not make (``docker compose -p hf-APP up``)."""
    known = {item.id for item in ours}
    label = f"com.docker.compose.project={project_name(app)}"
    others = [name for name in api.listed("container", label) if name not in known]
    for item in api.inspect("container", others):
        name = str(item["Name"]).lstrip("/")
        way = f"docker rm --force {name} removes it"
        yield f"the container {name} was not started by Holdfast; {way}"
