"""What set-up speaks of: items of a plan, and the actions that bring one about."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from holdfast.codec import to_json
from holdfast.records import record


class Phase(StrEnum):
    """When an item is brought about."""

    OPEN = "open"  # cannot cut anybody off
    GUARDED = "guarded"  # can: undone by itself unless a second connection confirms
    PROVEN = "proven"  # only once the second connection has been proven


class State(StrEnum):
    OK = "ok"
    CHANGE = "change"
    MANUAL = "manual"  # differs, and a person has to mend it; ``manual`` says how
    SKIPPED = "skipped"  # cannot be had on this machine; ``note`` says why


@record
class WriteFile:
    """Replace a file, atomically; missing directories are made (0755)."""

    path: str
    text: str
    mode: int = 0o644


@record
class RemoveFile:
    path: str


@record
class Chmod:
    path: str
    mode: int


@record
class Install:
    """Packages of the distribution; ``upgrade`` brings what is installed up to date as well."""

    packages: tuple[str, ...]
    upgrade: bool = False


@record
class Run:
    """A command; ``may_fail``: its failure is a note (a kernel may refuse one setting of many)."""

    argv: tuple[str, ...]
    timeout: float = 60.0
    may_fail: bool = False


Action = WriteFile | RemoveFile | Chmod | Install | Run


@record
class Item:
    """One thing a set-up server has.

    Attributes:
        key: its name, for programs.
        title: what is done if it is not so yet.
        why: the reason, for a person.
        source: where the rule comes from: a manual page, a test of lynis, a benchmark.
        actions: what brings it about; none if it is so already, or cannot be.
        note: more that a person should know; of a skipped one, why.
        manual: what set-up leaves for a person to do, a line each.
        differs: what is otherwise than it ought to be, a line each, where that has names.
    """

    key: str
    title: str
    why: str
    source: str
    actions: tuple[Action, ...] = ()
    phase: Phase = Phase.OPEN
    note: str = ""
    skipped: bool = False
    differs: tuple[str, ...] = ()
    manual: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        if self.skipped:
            return State.SKIPPED
        if self.actions:
            return State.CHANGE
        return State.MANUAL if self.manual else State.OK

    def to_json(self) -> dict[str, Any]:
        """For the plan that is shown: what is done, in words."""
        return {
            "key": self.key,
            "state": str(self.state),
            "title": self.title,
            "why": self.why,
            "source": self.source,
            "phase": str(self.phase),
            "note": self.note,
            "differs": list(self.differs),
            "manual": list(self.manual),
            "actions": [describe(action) for action in self.actions],
        }


REBOOT = "04:00"
"""Few visitors; unattended-upgrades itself says "now"."""


@record
class Settings:
    """What the user may choose; kept on the server, so that a second run knows.

    Attributes:
        admin: the account that logs in from now on.
        open: more ports that may be reached, ``8443/tcp``.
        reboot: when a security update may reboot the server, ``04:00``; ``never``.
        docker: whether it is to have Docker.
        matches: whether ``Match`` blocks of sshd's may let others in by passwords.
    """

    admin: str
    open: tuple[str, ...] = ()
    reboot: str = REBOOT
    docker: bool = False
    matches: bool = False


def describe(action: Action) -> str:
    """An action in one line."""
    match action:
        case WriteFile(path, _, mode):
            return f"write {path} ({mode:04o})"
        case RemoveFile(path):
            return f"remove {path}"
        case Chmod(path, mode):
            return f"chmod {mode:04o} {path}"
        case Install(packages, upgrade):
            words = [f"install {' '.join(packages)}"] if packages else []
            return "; ".join([*words, *(["upgrade what is installed"] if upgrade else [])])
        case Run(argv):
            return f"run {' '.join(argv)}"


def settings_json(settings: Settings) -> Mapping[str, Any]:
    """For the wire and for the marker."""
    value: Mapping[str, Any] = to_json(settings)
    return value
