"""The agent of a server over SSH.

Each request is a session of its own on the shared connection: the request goes in on
standard input, the protocol's lines come out. Secrets are in no argument on either side.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast.errors import CommandFailed, HoldfastError, TransportError
from holdfast.execute import Completed, run
from holdfast.protocol import Emit, Event, Request, error_from_json
from holdfast.transport.ssh import wrong
from holdfast.transport.ssh.bundle import bundle
from holdfast.transport.ssh.connection import Connection, There
from holdfast.transport.ssh.destination import parse
from holdfast.transport.ssh.installing import install

DEPLOYING = frozenset({"deploy", "plan", "rollback", "follow"})
UNTIL_THE_END = DEPLOYING | {"logs", "destroy"}
"""Methods that may take any time; whether the other side lives, ssh itself asks."""

_LONGEST_ANSWER = 120.0
_LONGEST_SENDING = 3600.0
_FOR_EVER = 30 * 24 * 3600.0


def open_ssh(server: str) -> SshTransport:
    """The way to ``user@host[:port]`` or an alias; nothing is connected yet.

    ``HOLDFAST_SSH_CONFIG`` names a configuration for ssh in place of the user's.

    Raises:
        UsageError: no server is written like this.
    """
    chosen = os.environ.get("HOLDFAST_SSH_CONFIG")
    config = Path(chosen).absolute() if chosen else None
    return SshTransport(server, Connection(parse(server), config=config))


class SshTransport:
    """The agent at the far end of ``connection``."""

    def __init__(self, server: str, connection: Connection) -> None:
        self.server = server
        self.connection = connection
        self._lock = threading.Lock()
        self._ready = False

    def call(self, request: Request, emit: Emit) -> dict[str, Any]:
        timeout = _FOR_EVER if request.method in UNTIL_THE_END else _LONGEST_ANSWER
        return self._ask(request, b"", timeout, emit)

    def send_source(self, app: str, archive: Path) -> str:
        """Send the archive compressed; it is whole on the server or not there."""
        data = zlib.compress(archive.read_bytes(), 3)
        request = Request("source.put", {"app": app, "bytes": len(data)})
        return str(self._ask(request, data, _LONGEST_SENDING, lambda _: None)["token"])

    def interactive(self, app: str, argv: Sequence[str], *, tty: bool) -> int:
        """Its exit status; 255 may be the command's own as long as the connection stands."""
        there = self._agent()
        words = ["--tty"] if tty else []
        remote = agent_argv(there, "exec", *words, app, "--", *argv)
        status = subprocess.run(self.connection.interactive(remote, tty=tty), check=False)
        if status.returncode == wrong.FAILED and not self.connection.lives():
            raise wrong.lost(self.connection.destination)
        return status.returncode if status.returncode >= 0 else 128 - status.returncode

    def _ask(self, request: Request, data: bytes, timeout: float, emit: Emit) -> dict[str, Any]:
        there = self._agent()
        stdin = json.dumps(request.to_json()).encode() + b"\n" + data
        command = self.connection.session(agent_argv(there, "serve"), timeout=timeout, stdin=stdin)
        answer = Answer(emit)
        try:
            done = run(command, check=False, on_line=answer.take)
        except CommandFailed as error:
            raise TransportError(
                f"{self.server}: {request.method}: {error.message}", detail=answer.rest()
            ) from error
        return self._result(request, answer, done)

    def _result(self, request: Request, answer: Answer, done: Completed) -> dict[str, Any]:
        if answer.error is not None:
            raise answer.error
        if answer.result is not None:
            return answer.result
        if done.returncode == wrong.FAILED or done.returncode < 0:  # ended by a signal, here
            words = self.connection.last_words() or answer.rest()
            deploying = request.method in DEPLOYING
            raise wrong.lost(self.connection.destination, words, deploying=deploying)
        raise TransportError(
            f"{self.server}: {request.method}: the server's Holdfast ended with status"
            f" {done.returncode} and no answer",
            detail=answer.rest() or None,
        )

    def _agent(self) -> There:
        """The server, with our own agent on it: installed first if it has another or none."""
        with self._lock:
            there = self.connection.there()
            ours = bundle()
            if not self._ready and there.agent != ours.hash:
                install(self.connection, ours)
            self._ready = True
            return There(there.root, ours.hash)


def agent_argv(there: There, *words: str) -> tuple[str, ...]:
    """What runs the agent on the server; ``-P`` keeps the working directory off its path."""
    python = f"{there.root}/agent/{there.agent}/bin/python"
    return ("env", f"HOLDFAST_ROOT={there.root}", python, "-P", "-m", "holdfast.agent", *words)


class Answer:
    """The protocol's lines as they come in.

    Attributes:
        result, error: what the last line said; at most one of them.
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._rest: list[str] = []
        self.result: dict[str, Any] | None = None
        self.error: HoldfastError | None = None

    def take(self, line: str) -> None:
        """One line; what is none of the protocol's is kept to explain a failure."""
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            self._rest.append(line)
        elif "event" in value:
            self._emit(Event.from_json(value))
        elif "result" in value:
            self.result = value["result"]
        elif "error" in value:
            self.error = error_from_json(value["error"])

    def rest(self) -> str:
        return "\n".join(self._rest[-12:])
