"""The file of gates: the one truth of what the edge does, written whole or not at all."""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from holdfast.app import Edge as Limits
from holdfast.edge.contract import Gate, Mode, Target
from holdfast.errors import EdgeError
from holdfast.files import write_json
from holdfast.records import record

MOST_APPS = 256
"""Cells that the board has for each worker (``lua/holdfast/board.lua``)."""


@record
class Entry:
    """A gate with what only the edge needs: its cell on the board, and its limits."""

    gate: Gate
    index: int
    limits: Limits


@dataclass(slots=True)
class Gates:
    """Everything in the file; ``generation`` grows with every change."""

    generation: int = 0
    entries: dict[str, Entry] = field(default_factory=dict)

    def free_index(self) -> int:
        """A cell that no app has.

        Raises:
            EdgeError: there are more apps than the board has cells for.
        """
        taken = {entry.index for entry in self.entries.values()}
        found = next((index for index in range(MOST_APPS) if index not in taken), None)
        if found is None:
            raise EdgeError(f"more than {MOST_APPS} apps on one edge")
        return found

    def change(self, app: str, **changes: Any) -> Gate:
        """Change fields of an app's gate.

        Raises:
            EdgeError: the edge does not know the app.
        """
        entry = self.entries.get(app)
        if entry is None:
            raise EdgeError(f"the edge knows no app {app!r}", hint="holdfast deploy brings it live")
        gate = replace(entry.gate, **changes)
        self.entries[app] = replace(entry, gate=gate)
        return gate

    def hold(self, app: str, lease_until: float | None) -> Gate:
        """Hold at an app's gate; maintenance is remembered where the hold ends by itself."""
        gate = self.change(app, mode=Mode.HOLD, lease_until=lease_until, back=self._shut(app))
        return gate if lease_until else self.change(app, back=None)

    def open(self, app: str, target: Target | None, *, end_maintenance: bool = False) -> Gate:
        """Open an app's gate: to ``target``, or to the last good one.

        Opening to another release makes the one before it ``previous``.
        """
        mode = Mode.OPEN if end_maintenance else self._shut(app) or Mode.OPEN
        gate = self.change(app, mode=mode, lease_until=None, back=None)
        if target is None:
            return gate
        leaves = gate.target
        other = leaves is not None and leaves.release != target.release
        return self.change(app, target=target, previous=leaves if other else gate.previous)

    def _shut(self, app: str) -> Mode | None:
        """Maintenance, if the gate is in it or will be when its hold is over."""
        gate = self.change(app)
        return Mode.MAINTENANCE if Mode.MAINTENANCE in (gate.mode, gate.back) else None


class GatesFile:
    """``gates.json``; changes of several processes at once come one after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Gates:
        """What the file says; an absent file has no apps.

        Raises:
            EdgeError: it is damaged.
        """
        try:
            value = json.loads(self._path.read_text())
            entries = {name: _entry(name, item) for name, item in value["apps"].items()}
            return Gates(value["generation"], entries)
        except FileNotFoundError:
            return Gates()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise EdgeError(
                f"{self._path}: damaged ({error})",
                hint="restore it from a backup, or remove it and deploy each app again",
            ) from None

    @contextmanager
    def changed(self) -> Iterator[Gates]:
        """The gates, to be changed inside ``with``, then written with the next generation."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            self._path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            gates = self.read()
            yield gates
            gates.generation += 1
            self._write(gates)
        finally:
            os.close(descriptor)

    def write_if_missing(self) -> None:
        """The Lua side wants a file, also with no apps in it."""
        if not self._path.exists():
            with self.changed():
                pass

    def _write(self, gates: Gates) -> None:
        apps = {name: _json(entry) for name, entry in gates.entries.items()}
        write_json(self._path, {"generation": gates.generation, "apps": apps})


def _json(entry: Entry) -> dict[str, Any]:
    gate = entry.gate
    limits = entry.limits
    return {
        "index": entry.index,
        "mode": str(gate.mode),
        "target": None if gate.target is None else asdict(gate.target),
        "previous": None if gate.previous is None else asdict(gate.previous),
        "lease_until": gate.lease_until,
        "back": None if gate.back is None else str(gate.back),
        "allow": list(gate.allow),
        "allow_bits": [_bits(network) for network in gate.allow],
        "limits": {
            "max_line": limits.max_line,
            "max_wait": limits.max_wait,
            "pace": limits.pace,
            "pages": limits.pages,
        },
    }


def _bits(network: str) -> list[Any]:
    """A network as its bytes and how many bits of them count, for comparing in Lua."""
    parsed = ipaddress.ip_network(network, strict=False)
    return [list(parsed.network_address.packed), parsed.prefixlen]


def _entry(name: str, value: Mapping[str, Any]) -> Entry:
    gate = Gate(
        app=name,
        mode=Mode(value["mode"]),
        target=_target(value["target"]),
        previous=_target(value["previous"]),
        lease_until=value["lease_until"],
        allow=tuple(value["allow"]),
        back=Mode(value["back"]) if value.get("back") else None,
    )
    return Entry(gate, value["index"], Limits(**value["limits"]))


def _target(value: Mapping[str, Any] | None) -> Target | None:
    return None if value is None else Target(**value)
