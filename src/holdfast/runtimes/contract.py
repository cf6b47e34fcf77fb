"""The few things that the engine asks of every runtime.

A runtime knows processes; it knows nothing of gates, plans or journals. Every method can
be called twice with the same arguments: starting what runs and stopping what is stopped
do nothing. ``tests/runtimes/contract.py`` is the suite that every runtime passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from holdfast.account import Account
from holdfast.app import AppSpec
from holdfast.command import Command, Secret
from holdfast.records import record

Slot = Literal["a", "b"]


@record
class Release:
    """A release on disk.

    Attributes:
        id: sorts by time: ``20261123-091502-3f2a1c9`` (UTC, then the commit or a hash).
        path: its directory; the source is in ``path / "src"``.
        spec: the app as this release has it.
        commit: the commit it was made of, or ``None``; ``dirty`` says it had changes besides.
        created: Unix time.
        env_path: the virtual environment it runs in.
        pending: migrations that were pending when it was built; ``None``: not asked then.
    """

    id: str
    path: Path
    spec: AppSpec
    commit: str | None
    dirty: bool
    created: float
    env_path: Path
    pending: tuple[str, ...] | None = None

    @property
    def source(self) -> Path:
        return self.path / "src"


Environment = Mapping[str, "str | Secret"]
"""Variables for a process, beside those every process gets (PATH, HOME, LANG)."""


@record
class OneOff:
    """What a person's command in a release is started as; ``env`` is the whole environment.

    Attributes:
        ended: the command's status, by that of what was started.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    ended: Callable[[int], int] = int


class State(StrEnum):
    STOPPED = "stopped"
    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    BACKOFF = "backoff"
    """It ended by itself and is about to be started again."""
    FAILED = "failed"
    """It ended by itself too often and is not started again."""


@record
class Status:
    """A process as it is now; ``since`` is Unix time, ``restarts`` counts since the start."""

    name: str
    state: State
    pid: int | None = None
    since: float | None = None
    restarts: int = 0
    exit_status: int | None = None
    release: str | None = None


@record
class LogLine:
    """A line of output; ``at`` is Unix time where it is known."""

    process: str
    line: str
    at: float | None = None


class OneApp(Protocol):
    """What is asked about the processes of an app, whoever runs them.

    All errors are :class:`~holdfast.errors.ProcessError` unless said otherwise.
    """

    def prepare_web(self, release: Release, slot: Slot, env: Environment) -> None:
        """Do ahead what :meth:`start_web` needs time for; nothing runs in the slot."""

    def start_web(self, release: Release, slot: Slot, env: Environment) -> str:
        """Start the web process of ``release`` in ``slot``; return at once.

        Returns:
            its address: ``unix:/absolute/path`` or ``IP:PORT``.
        """

    def start_processes(self, release: Release, env: Environment) -> None:
        """Start the processes besides the web."""

    def prepare_processes(self, release: Release, env: Environment) -> None:
        """Do ahead what :meth:`start_processes` needs time for; nothing of ``release`` runs yet.

        Those of other releases have been stopped.
        """

    def stop_web(self, app: str, slot: Slot, grace: float) -> None:
        """Ask the slot's process to end (TERM); after ``grace`` seconds end it (KILL).

        Returns when it has ended.
        """

    def stop_processes(self, app: str, grace: float | None = None) -> None:
        """Stop every process besides the web, all at once, each with its own grace."""

    def web_address(self, app: str, slot: Slot) -> str | None:
        """Where the slot listens, or ``None`` if nothing was started in it."""

    def status(self, app: str) -> list[Status]:
        """Every process of the app that is known: ``web.a``, ``web.b``, ``worker``, …"""

    def log_tail(self, app: str, process: str, lines: int = 40) -> str:
        """The end of what a process printed, for an error message; ``""`` if nothing."""

    def logs(
        self, app: str, processes: Sequence[str] | None, *, since: float | None, follow: bool
    ) -> Iterator[LogLine]:
        """What processes printed, oldest first; with ``follow`` it goes on until closed.

        Args:
            processes: names as in :meth:`status`, ``web`` for both slots; ``None`` for all.
            since: Unix time.
        """

    def command_environment(self, release: Release, env: Environment) -> Environment:
        """The whole environment of a one-off command in ``release`` (PATH, VIRTUAL_ENV, …)."""

    def one_off(
        self, release: Release, env: Environment, argv: Sequence[str], *, tty: bool
    ) -> AbstractContextManager[OneOff]:
        """A person's command in ``release``, kept from what the app's processes are kept from.

        Args:
            tty: it is started on a terminal, and to have it.

        It is started inside of the ``with``; at the end nothing of it is left running.
        """

    def release_command(self, release: Release, env: Environment) -> Command:
        """The release command of a release that has one; what it needs is started."""

    def replaced(self, release: Release, env: Environment) -> tuple[str, ...]:
        """What stays up beside the processes, but would be made anew for ``release``."""

    def drift(self, app: str) -> tuple[str, ...]:
        """What somebody changed by hand beside us, each as a sentence for a person."""

    def remove(self, app: str) -> None:
        """Stop and forget everything of the app."""


class Runtime(OneApp, Protocol):
    """What runs the processes of a machine, and the engines of its deploys."""

    name: str

    def ensure(self) -> None:
        """Make whatever supervises processes run (start supervisord, …)."""

    def account(self, app: str) -> Account | None:
        """Whom the app's code runs as, made if need be with its directories.

        ``None``: as ourselves. Then there is nobody to protect the machine from it.
        """

    def forget_account(self, app: str) -> None:
        """Remove the app's account; nothing of the app may be left that belongs to it."""

    def start_engine(self, app: str) -> None:
        """Run ``python -m holdfast.agent run APP`` supervised and detached from us.

        It is started again if it is killed, also when the machine boots; while it runs,
        a second call does nothing.
        """

    def stop_engine(self, app: str) -> None:
        """Ask the app's engine to stop (TERM) and wait for it: it undoes or finishes."""
