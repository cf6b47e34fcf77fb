"""One connection to a server, opened when it is first needed and shared by all sessions."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from holdfast.command import Command
from holdfast.errors import TransportError, UsageError
from holdfast.transport.ssh import wrong
from holdfast.transport.ssh.client import Client, config_text
from holdfast.transport.ssh.destination import Destination

LONGEST_OPENING = 60.0
LONGEST_ASKING = 300.0
"""Seconds until the connection stands; the second where a person may be asked something."""

_END_GRACE = 2.0

_PROBE = """
if [ -n "${HOLDFAST_ROOT-}" ]; then r=$HOLDFAST_ROOT
elif [ "$(id -u)" = 0 ]; then r=/var/lib/holdfast
else r=${XDG_DATA_HOME:-$HOME/.local/share}/holdfast; fi
h=$(readlink "$r/agent/current") && [ -x "$r/agent/$h/bin/python" ] || h=none
printf "\\nholdfast-server %s %s\\n" "$h" "$r"
exec cat >/dev/null
"""
"""Says which agent is installed and where; the root is that of ``layout.default_root``. It
stays as long as somebody holds its input: a killed command closes the connection too."""

_MARK = "holdfast-server "


@dataclass(frozen=True, slots=True)
class There:
    """What the server says of itself: ROOT, and the installed agent's hash if it has one."""

    root: str
    agent: str | None


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

    def there(self) -> There:
        """Connect if need be.

        Raises:
            TransportError: it cannot be; the hint says what to do.
        """
        return self._opened().there

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
        return self._opened().client.session(remote, timeout=timeout, stdin=stdin)

    def interactive(self, remote: Sequence[str], *, tty: bool) -> tuple[str, ...]:
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
            self.process = _start(self.client.master(("/bin/sh", "-c", _PROBE)), self._log)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        self.close = weakref.finalize(self, _close, self.process, self._log, directory)
        try:
            self.there = self._greeting(LONGEST_OPENING if batch else LONGEST_ASKING)
        except BaseException:
            self.close()
            raise

    def said(self) -> str:
        with contextlib.suppress(OSError, ValueError):
            return (self.client.directory / "log").read_text(errors="replace")
        return ""

    def _greeting(self, patience: float) -> There:
        """Wait for the probe's line; what a login shell prints before it is passed over."""
        line = _line_with(_MARK, self.process, time.monotonic() + patience)
        if wrong.key_has_changed(self.said()):
            raise wrong.changed_key(self.client.destination, self.said())
        if line is None:
            raise wrong.failed(self.client.destination, self.said())
        agent, root = line.removeprefix(_MARK).split(" ", 1)
        return There(root, None if agent == "none" else agent)


def _start(argv: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    if shutil.which("ssh") is None:
        raise wrong.no_ssh()
    try:
        return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
    except OSError as error:
        raise TransportError(f"ssh cannot be run: {error.strerror}") from error


def _line_with(mark: str, process: subprocess.Popen[bytes], deadline: float) -> str | None:
    """The first line that begins with ``mark``; ``None`` at the end, or out of time."""
    assert process.stdout is not None
    text = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                return None
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_END_GRACE)  # its last words come before its end
                return None
            text += chunk
            for line in text.decode(errors="surrogateescape").split("\n")[:-1]:
                if line.startswith(mark):
                    return line
    return None


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
