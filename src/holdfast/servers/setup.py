"""Set a server up: the story, as it is seen from the laptop."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError, TransportError
from holdfast.protocol import Emit, Event, Kind
from holdfast.servers.reach import Far
from holdfast.transport.ssh import known
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.destination import Destination, parse

CONFIRM_WITHIN = 120.0
"""Seconds until new SSH and firewall settings are put back, unless confirmed."""

ADMIN = "holdfast"
"""The admin where nobody chose another name."""

_LONGEST = 3600.0


def nothing(_: Event) -> None:
    """Nobody watches."""


class Setup:
    """One set-up, over two connections.

    Attributes:
        shown: the plan as the server made it.
    """

    def __init__(self, far: Far, settings: dict[str, Any]) -> None:
        self._far = far
        self._settings = settings
        self.shown = self._far.call("show", {"settings": settings}, nothing)

    @property
    def destination(self) -> Destination:
        return self._far.connection.destination

    @property
    def changes(self) -> list[dict[str, Any]]:
        return [item for item in self.shown["items"] if item["state"] == "change"]

    @property
    def admin(self) -> Destination:
        """How one logs in afterwards."""
        return replace(self.destination, user=str(self.shown["admin"]))

    def run(self, emit: Emit) -> dict[str, Any]:
        """Bring the plan about.

        Raises:
            HoldfastError: what failed; the way in that was used before still works.
        """
        started = time.monotonic()
        phases = {str(item["phase"]) for item in self.changes}
        done = [self._call("apply", emit)]
        guarded = "guarded" in phases
        if guarded:
            done.append(self._call("guarded", emit, seconds=CONFIRM_WITHIN))
            guarded = bool(done[-1]["changed"])  # what nothing was done about needs no confirming
        done.append(self._prove(emit, confirm=guarded))
        self.remember()
        return {
            "changed": [key for part in done for key in part["changed"]],
            "downloading_s": round(sum(part["downloading"] for part in done), 2),
            "seconds": round(time.monotonic() - started, 2),
        }

    def _call(self, method: str, emit: Emit, **more: Any) -> dict[str, Any]:
        return self._far.call(method, self._params(**more), emit, timeout=_LONGEST)

    def _params(self, **more: Any) -> dict[str, Any]:
        settings = {**self._settings, "admin": self.shown["admin"]}
        keys = [item["key"] for item in self.changes]
        return {"settings": settings, "keys": keys, "ungrant": self.shown.get("grants"), **more}

    def _prove(self, emit: Emit, *, confirm: bool) -> dict[str, Any]:
        """Log in once more, as the admin, and confirm over that connection alone.

        Raises:
            HoldfastError: that is not possible; what was changed is put back.
        """
        _say(emit, "prove", f"Log in as {self.admin.name} over a second connection")
        started = time.monotonic()
        try:
            with connected(self.admin) as second:
                second.call("confirm", {"confirm": confirm}, emit)
                seconds = round(time.monotonic() - started, 2)
                emit(Event(Kind.STEP_DONE, {"step": "prove", "seconds": seconds}))
                return second.call("proven", self._params(), emit, timeout=_LONGEST)
        except HoldfastError as error:
            raise self._put_back(error, confirm=confirm) from error

    def _put_back(self, error: HoldfastError, *, confirm: bool) -> HoldfastError:
        hint = f"{self.admin.typed} must work from here"
        if not confirm:
            with suppress(HoldfastError):  # what went wrong first is what is told
                self._far.call("put_back", self._params(guarded=False), nothing)
            return HoldfastError(f"{error.message}", hint=error.hint or hint, detail=error.detail)
        try:
            kept = self._far.call("put_back", self._params(guarded=True), nothing)["kept"]
            what = (
                "the new SSH and firewall settings are confirmed, and stay"
                if kept
                else "the second connection failed; the old SSH and firewall settings are back"
            )
        except HoldfastError:
            what = (
                "the second connection failed; the server puts its old SSH and firewall settings"
                f" back by itself, within {CONFIRM_WITHIN:g} s"
            )
        return HoldfastError(
            f"{what}: {error.message}",
            hint="\n".join(filter(None, (hint, error.hint))),
            detail=error.detail,
        )

    def remember(self) -> None:
        """Have ``server list`` know it."""
        where = self.admin
        known.remember(
            known.Known(
                where.host, str(where.user), where.port, str(self.shown["system"]), time.time()
            )
        )


@contextmanager
def connected(destination: Destination) -> Iterator[Far]:
    """A connection of its own, never one that is open already."""
    chosen = os.environ.get("HOLDFAST_SSH_CONFIG")
    connection = Connection(destination, config=Path(chosen).absolute() if chosen else None)
    try:
        yield Far(connection)
    finally:
        connection.close()


@contextmanager
def reached(server: str) -> Iterator[Far]:
    """The server, by the account that was typed, or by its admin once it is set up.

    After set-up root cannot log in any more, and the same command must still work.

    Raises:
        TransportError: neither can log in.
    """
    destination = parse(server)
    before = known.find(destination.host, destination.port)
    first = replace(destination, user=before.admin) if before else destination
    ways = dict.fromkeys((first, destination, replace(destination, user=ADMIN)))
    with _first_of(list(ways)) as far:
        yield far


@contextmanager
def _first_of(ways: list[Destination]) -> Iterator[Far]:
    """The first that lets us in; the error is that of the way that was typed."""
    failure: TransportError | None = None
    for way in ways:
        with connected(way) as far:
            try:
                far.connection.there()
            except TransportError as error:
                if "permission denied" not in error.message:
                    raise
                failure = failure or error
                continue
            yield far
            return
    assert failure is not None
    raise _password_only(ways[0], failure)


def _password_only(way: Destination, error: TransportError) -> TransportError:
    port = f"-p {way.port} " if way.port else ""
    return TransportError(
        error.message,
        hint=f"{error.hint}\nif the server has a password only, give it your key first:"
        f" ssh-copy-id {port}{way.name}",
        detail=error.detail,
    )


def _say(emit: Emit, step: str, title: str) -> None:
    emit(Event(Kind.STEP_STARTED, {"step": step, "title": title}))
