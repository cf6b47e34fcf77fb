"""Reboot a server and wait until it serves again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdfast.errors import CommandFailed, HoldfastError, TransportError
from holdfast.execute import run
from holdfast.protocol import Request
from holdfast.servers.reach import Far
from holdfast.servers.setup import connected, nothing
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.destination import Destination

_PAUSE = 1.0
_STEADY = 5.0
"""Seconds for which every process has to be up; as :data:`holdfast.agent.downs.SETTLED`."""
_BOOT_ID = ("cat", "/proc/sys/kernel/random/boot_id")


def reboot(far: Far, patience: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Reboot; return once the server has started all it starts, and every app serves.

    Args:
        patience: seconds for all of it.

    Returns:
        ``seconds`` it took, and the ``apps`` that are back.

    Raises:
        HoldfastError: it is not back in time; what is missing.
    """
    started = time.monotonic()
    destination = far.connection.destination
    before = _ask(far.connection, _BOOT_ID)
    far.call("reboot", {}, nothing)
    say(f"{destination.name} reboots")
    _wait(lambda: _booted(destination, before), started + patience, f"{destination.name}: no boot")
    say(f"{destination.name} has booted after {time.monotonic() - started:.0f} s")
    return {
        "apps": _apps(destination, started + patience),
        "seconds": round(time.monotonic() - started, 1),
    }


def _ask(connection: Connection, words: tuple[str, ...]) -> str:
    try:
        return run(connection.session(words, timeout=20), check=False).output.strip()
    except CommandFailed as error:
        raise TransportError(error.message) from error


def _booted(destination: Destination, before: str) -> bool:
    """Whether it is another boot, and that one is over (``degraded`` is over, too)."""
    try:
        with connected(destination) as far:
            state = _ask(far.connection, ("systemctl", "is-system-running"))
            now = _ask(far.connection, _BOOT_ID)
    except HoldfastError:
        return False
    return bool(now) and now != before and state in ("running", "degraded")


def _apps(destination: Destination, deadline: float) -> list[str]:
    """The apps that have a release; each has its gate, and all its processes go on running."""
    from holdfast.transport.ssh import open_ssh

    server = destination.name if destination.port is None else _with_port(destination)
    if not _has_agent(destination):
        return []
    transport = open_ssh(server)
    seen = Seen()

    def back() -> bool:
        apps = transport.call(Request("status"), lambda _: None)["apps"]
        return seen.look(apps, time.monotonic())

    try:
        hint = (
            f"it may still come: holdfast status --all --server {server}; holdfast logs --server"
            f" {server} --name APP says why a process ends"
        )
        _wait(back, deadline, f"{destination.name}: not every app is back", seen.missing, hint)
    finally:
        transport.connection.close()
    return seen.names


class Seen:
    """What looks at a server's apps have shown since its boot.

    One look does not do: what dies of its first request of the database runs for a moment, each
    time it is started again.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self._missing: list[str] = []
        self._well_since: float | None = None

    def look(self, apps: Sequence[Mapping[str, Any]], now: float) -> bool:
        """Whether all ``apps`` of the answer to ``status`` are back and have been for a while.

        Args:
            now: seconds of a clock that is never set.
        """
        live = [app for app in apps if app["release"]]
        self.names = [str(app["app"]) for app in live]
        self._missing = [f"{app['app']}: {why}" for app in live if (why := _why_not(app))]
        if self._missing:
            self._well_since = None
            return False
        if self._well_since is None:
            self._well_since = now
        return not live or now - self._well_since >= _STEADY

    def missing(self) -> str:
        """What the last look found missing, for a person."""
        return "; ".join(self._missing) or "it has only just come back"


def _why_not(app: Mapping[str, Any]) -> str:
    """Why an app is not back; empty if it is."""
    if not app["gate"]:
        return "it has no gate"
    states = {item["name"]: item["state"] for item in app["processes"]}
    return ", ".join(
        f"{name} does not stay up ({states.get(name, 'unknown')})" for name in app["down"]
    )


def _has_agent(destination: Destination) -> bool:
    """Before the first deploy there is nothing to ask."""
    with connected(destination) as far:
        return far.connection.there().agent is not None


def _with_port(destination: Destination) -> str:
    host = f"[{destination.host}]" if ":" in destination.host else destination.host
    user = f"{destination.user}@" if destination.user else ""
    return f"{user}{host}:{destination.port}"


def _wait(
    done: Callable[[], bool],
    deadline: float,
    message: str,
    missing: Callable[[], str] = str,
    hint: str = "it may still come; or look at your provider's console",
) -> None:
    while not done():
        if time.monotonic() > deadline:
            what = missing()
            raise HoldfastError(
                f"{message} in the time given" + (f": {what}" if what else ""), hint=hint
            )
        time.sleep(_PAUSE)
