"""Wait until what stays up answers: started is not ready, and the web must not find that out."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence

from holdfast.compose.overrides import ENDS
from holdfast.errors import ProcessError
from holdfast.runtimes.compose import containers, output
from holdfast.runtimes.compose.containers import Container

_POLL = 0.2
_PATIENCE = 120.0
"""Seconds; a database that has to be made anew takes some tens of them on a small server."""


def wait(app: str, names: Sequence[str], patience: float = _PATIENCE) -> None:
    """Wait for services: for their health check, or until a port of theirs takes connections.

    Raises:
        ProcessError: one is not ready after ``patience`` seconds, or does not run; with its log.
    """
    deadline = time.monotonic() + patience
    left = set(names)
    while left:
        found = {item.process: item for item in containers.find(app) if item.process in left}
        left = {name for name in left if name not in found or not _ready(found[name])}
        if not left:
            return
        for name in sorted(left & {*found}):
            if ENDS in found[name].labels and found[name].raw["State"]["Status"] == "exited":
                raise _failed(app, found[name])
        if time.monotonic() > deadline:
            raise _late(app, sorted(left), found, patience)
        time.sleep(_POLL)


def _ready(container: Container) -> bool:
    if ENDS in container.labels or not container.running:
        return container.serves and not container.running
    if container.health is not None:
        return container.health == "healthy"
    ports, addresses = container.ports(), container.addresses()
    return not (ports and addresses) or _connects(addresses[0], ports[0])


def _connects(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=1):
            return True
    except OSError:
        return False


def _failed(app: str, container: Container) -> ProcessError:
    return ProcessError(
        f"{app}: the service {container.process} ended with status"
        f" {container.raw['State']['ExitCode']}; others wait until it has ended well",
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
