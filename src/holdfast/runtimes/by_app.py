"""One runtime out of two: processes of the machine, and containers for apps that Docker runs.

Who runs an app is a matter of its release, so an app can move from one to the other with a deploy:
both slots are looked after by both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from holdfast.account import Account
from holdfast.command import Command
from holdfast.layout import Layout
from holdfast.runtimes.contract import (
    Environment,
    LogLine,
    OneApp,
    OneOff,
    Release,
    Runtime,
    Slot,
    Status,
)

if TYPE_CHECKING:
    from holdfast.runtimes.compose import ComposeRuntime


class ByApp:
    """See the contract. Engines are the machine's own: Docker may be what breaks.

    Args:
        machine: the runtime of apps without containers.
    """

    def __init__(self, machine: Runtime, layout: Layout) -> None:
        self.name = machine.name
        self._machine = machine
        self._layout = layout

    @cached_property
    def _compose(self) -> ComposeRuntime:
        """Imported where it is needed: commands about other apps need not pay for it."""
        from holdfast.runtimes.compose import ComposeRuntime

        return ComposeRuntime(self._layout)

    def _in_docker(self, app: str) -> bool:
        """Whether Docker runs anything of the app, or ever did."""
        return (self._layout.compose / app).is_dir()

    def _both(self, app: str) -> tuple[OneApp, ...]:
        return (self._machine, self._compose) if self._in_docker(app) else (self._machine,)

    def _of(self, release: Release) -> OneApp:
        return self._machine if release.spec.compose is None else self._compose

    # the machine

    def ensure(self) -> None:
        self._machine.ensure()

    def start_engine(self, app: str) -> None:
        self._machine.start_engine(app)

    def stop_engine(self, app: str) -> None:
        self._machine.stop_engine(app)

    def account(self, app: str) -> Account | None:
        """Code in containers runs as their images say; there is nobody to make."""
        return None if self._in_docker(app) else self._machine.account(app)

    def forget_account(self, app: str) -> None:
        if self._in_docker(app):
            self._compose.forget(app)
        self._machine.forget_account(app)

    # releases

    def prepare_web(self, release: Release, slot: Slot, env: Environment) -> None:
        self._of(release).prepare_web(release, slot, env)

    def start_web(self, release: Release, slot: Slot, env: Environment) -> str:
        return self._of(release).start_web(release, slot, env)

    def start_processes(self, release: Release, env: Environment) -> None:
        mine = self._of(release)
        for runtime in self._both(release.spec.name):
            if runtime is not mine:
                runtime.stop_processes(release.spec.name)
        mine.start_processes(release, env)

    def prepare_processes(self, release: Release, env: Environment) -> None:
        self._of(release).prepare_processes(release, env)

    def command_environment(self, release: Release, env: Environment) -> Environment:
        return self._of(release).command_environment(release, env)

    def one_off(
        self, release: Release, env: Environment, argv: Sequence[str], *, tty: bool
    ) -> AbstractContextManager[OneOff]:
        return self._of(release).one_off(release, env, argv, tty=tty)

    def release_command(self, release: Release, env: Environment) -> Command:
        return self._of(release).release_command(release, env)

    def replaced(self, release: Release, env: Environment) -> tuple[str, ...]:
        return self._of(release).replaced(release, env)

    # apps

    def stop_web(self, app: str, slot: Slot, grace: float) -> None:
        for runtime in self._both(app):
            runtime.stop_web(app, slot, grace)

    def stop_processes(self, app: str, grace: float | None = None) -> None:
        for runtime in self._both(app):
            runtime.stop_processes(app, grace)

    def web_address(self, app: str, slot: Slot) -> str | None:
        found = (runtime.web_address(app, slot) for runtime in self._both(app))
        return next((address for address in found if address is not None), None)

    def status(self, app: str) -> list[Status]:
        return [item for runtime in self._both(app) for item in runtime.status(app)]

    def log_tail(self, app: str, process: str, lines: int = 40) -> str:
        return self._which(app, (process,)).log_tail(app, process, lines)

    def logs(
        self, app: str, processes: Sequence[str] | None, *, since: float | None, follow: bool
    ) -> Iterator[LogLine]:
        return self._which(app, processes).logs(app, processes, since=since, follow=follow)

    def _which(self, app: str, processes: Sequence[str] | None) -> OneApp:
        """The engine prints where the machine's processes do."""
        engine = processes is not None and list(processes) == ["engine"]
        return self._machine if engine or not self._in_docker(app) else self._compose

    def drift(self, app: str) -> tuple[str, ...]:
        return tuple(text for runtime in self._both(app) for text in runtime.drift(app))

    def remove(self, app: str) -> None:
        for runtime in self._both(app):
            runtime.remove(app)
