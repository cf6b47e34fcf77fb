"""One connection to a server, begun early, and shared by all sessions."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from holdfast.command import Command
from holdfast.errors import TransportError, UsageError
from holdfast.transport.ssh import probe, wrong
from holdfast.transport.ssh.channel import Channel
from holdfast.transport.ssh.client import Client, config_text
from holdfast.transport.ssh.destination import Destination
from holdfast.transport.ssh.probe import There

LONGEST_OPENING = 60.0
LONGEST_ASKING = 300.0
"""Seconds until the connection stands; the second where a person may be asked something."""

_END_GRACE = 2.0
_MOST_HEARD = 12


class Connection:
    """The shared connection; safe to use from several threads.

    Args:
        batch: never ask; ``None``: ask if standard input is a terminal.
        config: an SSH configuration in place of the user's.
    """

    def __init__(
        self, destination: Destination, *, batch: bool | None = None, config: Path | None = None
    ) -> None:
        self.destination = destination
        self._batch = batch
        self._config = config
        self._lock = threading.Lock()
        self._open: _Open | None = None

    def begin(self) -> None:
        """Start to connect and do not wait: what can go wrong is told at the first use.

        Raises:
            TransportError: ssh cannot be run.
        """
        self._opened()

    def there(self) -> There:
        """Connect if need be.

        Raises:
            TransportError: it cannot be; the hint says what to do.
        """
        opened = self._opened()
        try:
            return opened.there()
        except BaseException:
            with self._lock:
                opened.close()
                self._open = None
            raise

    def lives(self) -> bool:
        """Whether the connection stands."""
        return self._open is not None and self._open.process.poll() is None

    def last_words(self) -> str:
        """What ssh printed about the connection."""
        return self._open.said() if self._open else ""

    def session(
        self, remote: Sequence[str], *, timeout: float, stdin: bytes | None = None
    ) -> Command:
        """A command on the server."""
        self.there()
        return self._opened().client.session(remote, timeout=timeout, stdin=stdin)

    def channel(self, agent: str | None, remote: Sequence[str]) -> Channel:
        """Something at the far end that answers requests.

        Args:
            agent: the hash of ours: what was started to greet us becomes the agent if it is
                the one installed (once a connection).
            remote: else what is started.
        """
        there = self.there()
        opened = self._opened()
        if (first := opened.first()) is not None:
            word = "door" if there.door is not None else agent or "-"
            first.send(f"{word}\n".encode())
            if there.door is not None:
                return first
            if agent is not None and there.agent == agent:
                return first
        return opened.start(remote)

    def interactive(self, remote: Sequence[str], *, tty: bool) -> tuple[str, ...]:
        self.there()
        return self._opened().client.interactive(remote, tty=tty)

    def close(self) -> None:
        """End it; a later use connects again."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def _opened(self) -> _Open:
        with self._lock:
            if self._open is None:
                if self._config is not None and not self._config.is_file():
                    raise UsageError(f"HOLDFAST_SSH_CONFIG={self._config}: no such file")
                batch = not sys.stdin.isatty() if self._batch is None else self._batch
                self._open = _Open(self.destination, batch, self._config)
            return self._open


class _Open:
    """The ssh process that holds the connection, and its private directory."""

    def __init__(self, destination: Destination, batch: bool, config: Path | None) -> None:
        # Not under TMPDIR: on some machines its path is longer than a socket's may be (unix(7)).
        directory = Path(tempfile.mkdtemp(prefix="hf-ssh-", dir="/tmp"))
        self.client = Client(destination, directory, batch)
        self._log = (directory / "log").open("w+b")
        try:
            self.client.config.write_text(config_text(config))
            self.process = _start(self.client.master(probe.command()), self._log)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        self.close = weakref.finalize(self, _close, self.process, self._log, directory)
        self._lock = threading.Lock()
        self._deadline = time.monotonic() + (LONGEST_OPENING if batch else LONGEST_ASKING)
        self._first: Channel | None = Channel(self.process)
        self._there: There | None = None

    def there(self) -> There:
        """Wait for the greeting (once)."""
        with self._lock:
            if self._there is None:
                self._there = self._greeting()
            return self._there

    def first(self) -> Channel | None:
        """What greeted us; to whom asks first."""
        with self._lock:
            first, self._first = self._first, None
            return first

    def start(self, remote: Sequence[str]) -> Channel:
        """A session with pipes."""
        command = self.client.session(remote, timeout=0, stdin=None)
        return Channel(_start(command.argv, self._log, detached=True))

    def said(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            return (self.client.directory / "log").read_text(errors="replace")
        return ""

    def _greeting(self) -> There:
        """The probe's line; what a login shell prints before it is passed over."""
        assert self._first is not None
        found, heard = None, deque[str](maxlen=_MOST_HEARD)
        while found is None and (line := self._first.line(self._deadline)) is not None:
            found = probe.greeting(line)
            heard.append(line)
        if wrong.key_has_changed(self.said()):
            raise wrong.changed_key(self.client.destination, self.said())
        if found is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_END_GRACE)  # its last words come before its end
            said = "\n".join([*heard, self.said()])
            raise wrong.failed(self.client.destination, said)
        return found


def _start(
    argv: Sequence[str], log: IO[bytes], *, detached: bool = False
) -> subprocess.Popen[bytes]:
    """Start ssh; ``detached`` keeps a Ctrl-C of the terminal from it."""
    if shutil.which("ssh") is None:
        raise wrong.no_ssh()
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            argv, stdin=pipe, stdout=pipe, stderr=log, start_new_session=detached
        )
    except OSError as error:
        raise TransportError(f"ssh cannot be run: {error.strerror}") from error


def _close(process: subprocess.Popen[bytes], log: IO[bytes], directory: Path) -> None:
    """End the connection and leave nothing behind."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(_END_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_END_GRACE)
    for stream in (process.stdin, process.stdout, log):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    shutil.rmtree(directory, ignore_errors=True)
