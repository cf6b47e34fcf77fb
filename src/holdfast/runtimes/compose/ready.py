"""Wait until what stays up answers: started is not ready, and the web must not find that out."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Collection, Mapping, Sequence

from holdfast.compose.overrides import ENDS, UNWAITED
from holdfast.errors import ProcessError
from holdfast.runtimes.compose import containers, output
from holdfast.runtimes.compose.containers import Container
from holdfast.runtimes.compose.released import Released

_POLL = 0.2
_SETTLES = 3.0
_OFTEN = 4
"""Times that a service may end while it starts; Docker waits longer from one to the next."""

_PATIENCE = 120.0
"""Seconds; a database that has to be made anew takes some tens of them on a small server."""


_HEALTH = 20.0
"""Seconds for which a health check is waited for that nobody of the project waits for."""


def wait(
    app: str,
    names: Sequence[str],
    asked: Collection[str] = (),
    patience: float = _PATIENCE,
) -> None:
    """Wait for services: for their health check, or until a port of theirs takes connections.

    Args:
        asked: those for whose health another service waits. Others may have a check that never
            works (``curl``, in an image that has none), and nobody on their author's machine minds.

    Raises:
        ProcessError: one is not ready after ``patience`` seconds, or does not run; with its log.
    """
    deadline = time.monotonic() + patience
    left = set(names)
    while left:
        found = {item.process: item for item in containers.find(app) if item.process in left}
        left = {
            name
            for name in left
            if name not in found or not _ready(found[name], asked=name in asked)
        }
        if not left:
            return
        for name in sorted(left & {*found}):
            ended = found[name].raw["State"]["Status"] == "exited"
            if found[name].labels.get(ENDS) == "true" and ended:
                raise _failed(app, found[name], "others wait until it has ended well")
            if int(found[name].raw["RestartCount"]) >= _OFTEN and not found[name].running:
                raise _failed(app, found[name], "so it does each time that it is started")
        if time.monotonic() > deadline:
            raise _late(app, sorted(left), found, patience)
        time.sleep(_POLL)


def wait_behind(one: Released, process: str, addresses: Mapping[str, str]) -> None:
    """Wait until what is behind a slot's web answers there: the web would say 502 meanwhile.

    Raises:
        ProcessError: one has ended, or does not answer within the time for booting; with its log.
    """
    patience = one.release.spec.web.boot_timeout
    deadline = time.monotonic() + patience
    closed: dict[str, float] = {}
    left = dict(addresses)
    while left:
        there = {item.service: item for item in containers.find(one.app, process)}
        for name, address in addresses.items():
            found = there.get(name)
            if name not in left or found is None:
                continue
            if found.raw["State"]["Status"] == "exited" or int(found.raw["RestartCount"]) > 0:
                raise _failed(one.app, found, "the web passes requests on to it")
            port = one.said.ports.get(name) or next(iter(found.ports()), None)
            said = _answers(address, port) if port else found.running
            # A protocol that is not HTTP, or an error that it may well keep to.
            began = closed.setdefault(name, time.monotonic()) if said is None else 0.0
            if said or (said is None and time.monotonic() - began > _SETTLES):
                del left[name]
        if left and time.monotonic() > deadline:
            raise _late(one.app, sorted(left), there, patience)
        if left:
            time.sleep(_POLL)


def _answers(address: str, port: int) -> bool | None:
    """Whether something listens and answers; ``None`` if what it answers is no good sign."""
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", "/", headers={"User-Agent": "holdfast-health"})
        return True if connection.getresponse().status < 500 else None
    except (ConnectionRefusedError, socket.gaierror):
        return False
    except (OSError, http.client.HTTPException):
        return None if _connects(address, port) else False
    finally:
        connection.close()


def _ready(container: Container, *, asked: bool) -> bool:
    if container.labels.get(ENDS) == UNWAITED:
        return container.raw["State"]["Status"] in ("exited", "running", "restarting")
    if ENDS in container.labels or not container.running:
        return container.serves and not container.running
    if container.health == "healthy":
        return True
    if container.health is not None and (asked or _is_young(container)):
        return False
    ports, addresses = container.ports(), container.addresses()
    return not (ports and addresses) or _connects(addresses[0], ports[0])


def _is_young(container: Container) -> bool:
    """Whether its health check, which has not said that it is ill, may yet say that it is well."""
    since = containers.moment(container.raw["State"]["StartedAt"]) or 0.0
    return container.health == "starting" and time.time() - since < _HEALTH


def _connects(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _failed(app: str, container: Container, why: str) -> ProcessError:
    return ProcessError(
        f"{app}: the service {container.service or container.process} ended with status"
        f" {container.raw['State']['ExitCode']}; {why}",
        hint="the end of its log is above",
        detail=output.tail([container], 40),
    )


def _late(app: str, names: list[str], found: dict[str, Container], patience: float) -> ProcessError:
    first = names[0]
    state = found[first].raw["State"]["Status"] if first in found else "not there"
    return ProcessError(
        f"{app}: the service {first} is not ready after {patience:g} s (it is {state})",
        hint="the end of its log is above; its health check, or its first port, is waited for",
        detail=output.tail([found[first]], 40) if first in found else None,
    )
