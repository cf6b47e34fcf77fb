"""The containers of an app, told by their labels: what they are, how they are, ending them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from holdfast.compose.overrides import ENDS, LABEL
from holdfast.errors import ProcessError
from holdfast.records import record
from holdfast.runtimes.compose import api
from holdfast.runtimes.contract import State, Status

_STATES = {
    "created": State.STARTING,
    "running": State.RUNNING,
    "paused": State.RUNNING,
    "restarting": State.BACKOFF,
    "removing": State.STOPPING,
    "exited": State.FAILED,
    "dead": State.FAILED,
}
_AFTER_KILL = 30.0
_STARTING = 300.0
_AT_ONCE = 32


@record
class Container:
    """One container; ``raw`` is what ``docker inspect`` says."""

    id: str
    process: str
    raw: Mapping[str, Any]

    @property
    def labels(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.raw["Config"]["Labels"] or {}
        return found

    @property
    def service(self) -> str:
        """The service of the Compose project that it is of."""
        return str(self.labels.get("com.docker.compose.service", ""))

    @property
    def running(self) -> bool:
        return bool(self.raw["State"]["Running"]) and not self.raw["State"]["Restarting"]

    @property
    def serves(self) -> bool:
        """Whether there is all that there is to be of it: it runs, or was to end, and did well."""
        state = self.raw["State"]
        ended = state["Status"] == "exited" and state["ExitCode"] == 0
        return self.running or (ended and ENDS in self.labels)

    @property
    def failed(self) -> bool:
        """Whether it has ended, and not well."""
        state = self.raw["State"]
        return bool(state["Status"] == "exited" and state["ExitCode"] != 0)

    @property
    def health(self) -> str | None:
        """``starting``, ``healthy`` or ``unhealthy``; ``None`` without a health check."""
        found = self.raw["State"].get("Health")
        return None if not found else str(found["Status"])

    def made_for(self, release: str) -> bool:
        """Whether it was made for a release and has not been started yet."""
        return self.raw["State"]["Status"] == "created" and self.is_of(release)

    def waits_for(self, release: str) -> bool:
        """Whether it is of a release and can be started: it was made for it, or has ended."""
        return self.raw["State"]["Status"] in ("created", "exited") and self.is_of(release)

    def is_of(self, release: str) -> bool:
        return self.labels.get(f"{LABEL}.release") == release

    def addresses(self) -> list[str]:
        """Its addresses on its networks."""
        networks = self.raw["NetworkSettings"]["Networks"] or {}
        return [item["IPAddress"] for item in networks.values() if item.get("IPAddress")]

    def ports(self) -> list[int]:
        """The TCP ports that its image or its definition exposes."""
        names = self.raw["Config"].get("ExposedPorts") or {}
        return [int(name.split("/")[0]) for name in names if name.endswith("/tcp")]


def find(app: str, process: str | None = None) -> list[Container]:
    """The containers of an app, or of one of its processes; those that ended too."""
    labels = [f"{LABEL}.app={app}"]
    if process is not None:
        labels.append(f"{LABEL}.process={process}")
    found = api.inspect("container", api.listed("container", *labels))
    return [
        Container(item["Id"], item["Config"]["Labels"].get(f"{LABEL}.process", ""), item)
        for item in found
    ]


def others_with(volume: str, app: str) -> list[str]:
    """The names of running containers that may write to a volume and are not of an app."""
    found = api.call("GET", "/containers/json", {"filters": json.dumps({"volume": [volume]})})
    return [
        str(item["Names"][0]).lstrip("/")
        for item in found
        if (item["Labels"] or {}).get(f"{LABEL}.app") != app
        and any(mount.get("Name") == volume and mount["RW"] for mount in item["Mounts"])
    ]


def status(container: Container) -> Status:
    """The container as a process."""
    state = container.raw["State"]
    known = _STATES.get(state["Status"], State.STOPPED)
    running = known is State.RUNNING
    if container.serves and not running:
        known = State.STOPPED
    return Status(
        container.process,
        known,
        pid=int(state["Pid"]) or None if running else None,
        since=moment(state["StartedAt"] if running else state["FinishedAt"]),
        restarts=int(container.raw["RestartCount"]),
        exit_status=None if running else int(state["ExitCode"]),
        release=container.labels.get(f"{LABEL}.release"),
    )


def moment(text: str) -> float | None:
    """Docker's time (RFC 3339, nanoseconds) as Unix time; ``None`` for never."""
    if text.startswith("0001"):
        return None
    whole = re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00")
    return datetime.fromisoformat(whole).timestamp()


def stop(graces: Mapping[str, float]) -> None:
    """Ask containers to end, all at once, each with its own grace in seconds; then KILL.

    A container that was stopped so is not started again by Docker, whatever its policy.

    Raises:
        ProcessError: one is still there.
    """
    _each(_stop, graces.items())


def start(names: Iterable[str]) -> None:
    """Start containers that were made, all at once.

    Raises:
        ProcessError: one cannot be started, in Docker's words.
    """
    _each(_start, names)


def remove(names: Iterable[str]) -> None:
    """Remove containers, running or not; what they keep in named volumes stays."""
    _each(_remove, names)


_T = TypeVar("_T")


def _each(do: Callable[[_T], None], items: Iterable[_T]) -> None:
    """All at once; what the first of them raises, once all have ended."""
    wanted = list(items)
    if not wanted:
        return
    from concurrent.futures import ThreadPoolExecutor  # 10 ms that most commands need not pay

    with ThreadPoolExecutor(max_workers=min(len(wanted), _AT_ONCE)) as pool:
        list(pool.map(do, wanted))


def _stop(asked: tuple[str, float]) -> None:
    name, grace = asked
    query = {"t": str(math.ceil(grace))}
    try:
        api.call("POST", f"/containers/{name}/stop", query, timeout=grace + _AFTER_KILL)
    except ProcessError as error:
        if all(not item["State"]["Running"] for item in api.inspect("container", [name])):
            return
        raise ProcessError(
            f"containers cannot be stopped: {error.message}",
            hint="docker ps shows them; journalctl -u docker tells more",
            detail=error.detail,
        ) from error


def _start(name: str) -> None:
    if api.call("POST", f"/containers/{name}/start", timeout=_STARTING) is None:
        raise ProcessError(f"the container {name[:12]} was removed before it was started")


def _remove(name: str) -> None:
    with suppress(ProcessError):
        api.call("DELETE", f"/containers/{name}", {"force": "true"}, timeout=_STARTING)
