"""The containers of an app, told by their labels: what they are, how they are, ending them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from holdfast.compose.overrides import LABEL
from holdfast.errors import ProcessError
from holdfast.runtimes.compose import docker
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


@dataclass(frozen=True, slots=True)
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
    def running(self) -> bool:
        return bool(self.raw["State"]["Running"]) and not self.raw["State"]["Restarting"]

    @property
    def health(self) -> str | None:
        """``starting``, ``healthy`` or ``unhealthy``; ``None`` without a health check."""
        found = self.raw["State"].get("Health")
        return None if not found else str(found["Status"])

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
    filters = [f"label={LABEL}.app={app}"]
    if process is not None:
        filters.append(f"label={LABEL}.process={process}")
    found = docker.inspect("container", docker.listed("container", *filters))
    return [
        Container(item["Id"], item["Config"]["Labels"].get(f"{LABEL}.process", ""), item)
        for item in found
    ]


def status(container: Container) -> Status:
    """The container as a process."""
    state = container.raw["State"]
    known = _STATES.get(state["Status"], State.STOPPED)
    running = known is State.RUNNING
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
    by_grace: dict[int, list[str]] = {}
    for name, grace in graces.items():
        by_grace.setdefault(math.ceil(grace), []).append(name)
    if not by_grace:
        return
    from concurrent.futures import ThreadPoolExecutor  # 10 ms that most commands need not pay

    with ThreadPoolExecutor(max_workers=max(len(by_grace), 1)) as pool:
        list(pool.map(_stop, by_grace.items()))


def _stop(asked: tuple[int, list[str]]) -> None:
    grace, names = asked
    command = docker.docker("stop", "--time", str(grace), *names, timeout=grace + _AFTER_KILL)
    try:
        docker.call(command)
    except ProcessError as error:
        if all(not item["State"]["Running"] for item in docker.inspect("container", names)):
            return
        raise ProcessError(
            f"containers cannot be stopped: {error.message}",
            hint="docker ps shows them; journalctl -u docker tells more",
            detail=error.detail,
        ) from error


def remove(names: Iterable[str]) -> None:
    """Remove containers, running or not; what they keep in named volumes stays."""
    wanted = list(names)
    if wanted:
        docker.tried(docker.docker("rm", "--force", *wanted, timeout=docker.STARTING))
