"""The edge as a program that runs: one nginx, with the configuration of this Holdfast."""

from __future__ import annotations

import fcntl
import os
import pwd
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.edge import binary, logs, settings
from holdfast.edge.binary import Program
from holdfast.edge.configs import Before, Configs
from holdfast.edge.control import Control
from holdfast.edge.nginx import Nginx
from holdfast.errors import EdgeError

if TYPE_CHECKING:
    from holdfast.edge.unit import EdgeUnit

_BOARD_SIZE = (16 + 64 * (8 + 256 * 8)) * 8
"""Header, rows and cells of doubles: ``lua/holdfast/board.lua``."""

_PATIENCE = 10.0


class Service:
    """nginx below ``home``, which is ``ROOT/edge``: run, told of changes, replaced, stopped.

    Args:
        asked: port, workers and the port of HTTPS; ``None`` for what is remembered.
    """

    def __init__(
        self,
        home: Path,
        configs: Configs,
        control: Control,
        asked: tuple[int | None, int | None, int | None],
        unit: EdgeUnit | None = None,
    ) -> None:
        self._home = home
        self._configs = configs
        self._control = control
        self._asked = asked
        self._unit = unit
        self._nginx = Nginx(home, unit)

    @property
    def program(self) -> Program:
        """The nginx binary."""
        return self._nginx.program

    def pid(self) -> int | None:
        """The master's process id while it runs."""
        return self._nginx.pid()

    def settings(self) -> settings.Settings:
        """What is remembered, with what was asked for now."""
        return settings.wanted(
            self._home / "settings.json", *self._asked, server=self._unit is not None
        )

    def ensure(self) -> None:
        """Make nginx run, and have it read what has changed; under 5 ms when there is nothing."""
        if not self._runs():
            with self.alone():
                self._make_run()
        self.limit_logs()

    def stop(self) -> None:
        """Stop at once."""
        with self.alone():
            self._nginx.stop()

    def reload(self) -> None:
        """Read the configuration again, changed or not."""
        with self.alone():
            self.test(self._written())
            self._take_up()
        self.limit_logs()

    def upgrade(self) -> None:
        """Go on with the binary that is installed now.

        Raises:
            EdgeError: it does not run, or the new one does not serve; then the old one goes on.
        """
        with self.alone():
            self.test(self._written())
            self._change_over()

    def take_up_update(self) -> tuple[str, ...]:
        """Upgrade if the running binary, or a library of it, was replaced on disk.

        Returns:
            what was replaced and runs no more; nothing, after a look of 1 ms, if there was none.

        Raises:
            EdgeError: as :meth:`upgrade`.
        """
        if not self._nginx.replaced():
            return ()
        with self.alone():
            found = self._nginx.replaced()  # somebody else may have done it meanwhile
            if found:
                self.test(self._written())
                self._change_over()
            return found

    def take_up_changes(self) -> None:
        """Reload if nginx has not read what lies on disk; to be called inside :meth:`alone`."""
        if not self._configs.loaded():
            self._take_up()

    def _runs(self) -> bool:
        """Whether nginx answers, and has read what this Holdfast writes."""
        return (
            self._nginx.pid() is not None
            and self._configs.current(self.settings(), binary.locate())
            and self._control.answers()
        )

    def _make_run(self) -> None:
        """Start nginx, or have it read what has changed; we are alone."""
        if self._runs():
            return
        settings_file = self._home / "settings.json"
        first = not settings_file.exists()
        before = self._written()
        if self._nginx.pid() is None:
            try:
                self._start()
            except EdgeError:
                if first:  # what is said next counts, not what never worked
                    settings_file.unlink(missing_ok=True)
                raise
        elif not self._configs.loaded():
            self.test(before)
            self._take_up()
        self._await_control()

    def _written(self) -> Before:
        """The configuration as this Holdfast writes it; what was there before."""
        chosen = self.settings()
        program = self.program
        self._home.mkdir(parents=True, exist_ok=True)
        settings.remember(self._home / "settings.json", chosen)
        return self._configs.write(chosen, program)

    def _start(self) -> None:
        if self._unit is None:
            self.before_start()
        self._nginx.start()
        self._configs.mark_loaded()

    def before_start(self) -> None:
        """Take leave of what another nginx left: its pid file, its workers, its counts, its socket.

        Under systemd the unit does so, since it also starts nginx when nobody of us is there.
        """
        self._nginx.forget()
        orphans = self._nginx.orphans()
        if not (orphans and self._board_fits()):
            # With workers left from before the counts go on; else they begin at nought.
            self._fresh_board(self.program.user)
        self._nginx.retire(orphans)
        (self._home / "control" / "control.sock").unlink(missing_ok=True)

    def test(self, before: Before) -> None:
        """Have nginx check what was written; if it refuses, all is as it was."""
        if not before:
            return
        try:
            self._nginx.test()
        except EdgeError:
            self._configs.put_back(before)
            raise

    def _change_over(self) -> None:
        """Start the installed binary beside the one that runs, and have that one finish."""
        before = self._taking()
        old = self._nginx.start_beside()
        new = self._nginx.pid()
        try:
            self._await_workers(before)
        except EdgeError:
            self._nginx.retire([new] if new else [])
            raise
        self._nginx.retire([old])
        self._configs.mark_loaded()

    def _take_up(self) -> None:
        """Reload, and wait until only workers with the new configuration take requests.

        What is written for an nginx that was updated, the one from before need not understand.
        """
        if self._nginx.replaced() and not self._nginx.changing():
            self._change_over()
            return
        before = self._taking()
        self._nginx.reload()
        self._await_workers(before, instead=True)
        self._configs.mark_loaded()

    def _taking(self) -> set[int]:
        """Process ids of the workers that take connections."""
        return {w["pid"] for w in self._control.status()["workers"] if not w["exiting"]}

    def _await_workers(self, before: set[int], *, instead: bool = False) -> None:
        """Wait until other workers take connections, beside those or instead of them."""
        wanted = self.settings().workers
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            taking = self._taking()
            if len(taking - before) >= wanted and not (instead and taking & before):
                return
            time.sleep(0.01)
        raise EdgeError(
            "nginx did not take its new configuration; the old one goes on",
            hint=f"its error log: {self._home}/logs/error.log",
            detail=self._nginx.complaints(),
        )

    def limit_logs(self) -> None:
        """Put aside logs that have grown too large; nothing is done while nginx is down."""
        directory = self._home / "logs"
        if not logs.too_large(directory) or self._nginx.pid() is None:
            return
        with self.alone():
            for log in logs.too_large(directory):
                logs.put_aside(log)
            self._nginx.reopen_logs()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time changes what nginx is to read; the lock dies with its holder."""
        self._home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(
            self._home / "start.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _board_fits(self) -> bool:
        board = self._home / "run" / "board"
        return board.exists() and board.stat().st_size == _BOARD_SIZE

    def _fresh_board(self, user: str | None) -> None:
        board = self._home / "run" / "board"
        board.unlink(missing_ok=True)
        with board.open("wb") as stream:
            os.fchmod(stream.fileno(), 0o600)
            if user is not None:
                owner = pwd.getpwnam(user)
                os.fchown(stream.fileno(), owner.pw_uid, owner.pw_gid)
            stream.truncate(_BOARD_SIZE)

    def _await_control(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self._control.answers():
            if time.monotonic() > deadline:
                raise EdgeError(
                    "nginx runs but does not answer on its control socket",
                    hint=f"its error log: {self._home}/logs/error.log",
                    detail=self._nginx.complaints(),
                )
            time.sleep(0.005)
