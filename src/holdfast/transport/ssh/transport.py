"""The agent of a server over SSH.

One agent is started for a command, by what greets the connection, and answers its requests
one after the other; what is asked meanwhile is asked of another one. Requests go in on
standard input, the protocol's lines come out. Secrets are in no argument on either side.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from holdfast import __version__
from holdfast.errors import HoldfastError, TransportError, UsageError
from holdfast.protocol import VERSION, Emit, Event, Request, error_from_json
from holdfast.transport.ssh import delta, wrong
from holdfast.transport.ssh.bundle import bundle
from holdfast.transport.ssh.channel import Channel
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.destination import parse
from holdfast.transport.ssh.installing import install
from holdfast.transport.ssh.probe import There

DEPLOYING = frozenset({"deploy", "plan", "rollback", "follow"})
UNTIL_THE_END = DEPLOYING | {"logs", "destroy"}
"""Methods that may take any time; whether the other side lives, ssh itself asks."""

_LONGEST_ANSWER = 120.0
_LONGEST_SENDING = 3600.0
_MOST_TRIES = 3
_END_GRACE = 2.0
_FOR_EVER = 30 * 24 * 3600.0


def open_ssh(server: str) -> SshTransport:
    """The way to ``user@host[:port]`` or an alias, which begins to connect now.

    ``HOLDFAST_SSH_CONFIG`` names a configuration for ssh in place of the user's.

    Raises:
        UsageError: no server is written like this.
    """
    chosen = os.environ.get("HOLDFAST_SSH_CONFIG")
    config = Path(chosen).absolute() if chosen else None
    connection = Connection(parse(server), config=config)
    connection.begin()
    return SshTransport(server, connection)


def shell(server: str, argv: Sequence[str], *, tty: bool) -> int:
    """The user's own ssh, to a shell or to a command; its exit status.

    Raises:
        UsageError: no server is written like this.
        TransportError: ssh is not installed.
    """
    destination = parse(server)
    chosen = os.environ.get("HOLDFAST_SSH_CONFIG")
    config = ("-F", chosen) if chosen else ()
    words = (shlex.join(argv),) if argv else ()
    try:
        done = subprocess.run(
            ("ssh", *config, "-t" if tty else "-T", *destination.argv, *words), check=False
        )
    except FileNotFoundError:
        raise wrong.no_ssh() from None
    return done.returncode if done.returncode >= 0 else 128 - done.returncode


class SshTransport:
    """The agent at the far end of ``connection``.

    Attributes:
        sent: bytes that the last source took on its way.
    """

    def __init__(self, server: str, connection: Connection) -> None:
        self.server = server
        self.connection = connection
        self.sent = 0
        self._lock = threading.Lock()
        self._ready = False
        self._idle: list[Channel] = []

    def call(self, request: Request, emit: Emit) -> dict[str, Any]:
        timeout = _FOR_EVER if request.method in UNTIL_THE_END else _LONGEST_ANSWER
        return self._ask(request, b"", timeout, emit)

    def send_source(self, app: str, archive: Path) -> str:
        """Send what the server does not have of it; it is whole there or not there."""
        offered = delta.offer(archive)
        self.sent = 0
        packed = zlib.compress(offered.to_bytes(), 6)
        answer = self._send(Request("source.offer", {"app": app, "bytes": len(packed)}), packed)
        for _ in range(_MOST_TRIES):
            if not answer["missing"]:
                return str(answer["token"])
            packed = delta.contents(archive, offered, answer["missing"])
            params = {"app": app, "token": answer["token"], "bytes": len(packed)}
            answer = self._send(Request("source.put", params), packed)
        raise TransportError(f"{self.server}: the source does not arrive whole")

    def interactive(self, app: str, argv: Sequence[str], *, tty: bool) -> int:
        """Its exit status; 255 may be the command's own as long as the connection stands."""
        there = self._agent()
        if there.door is not None:
            raise UsageError(f"{self.server}: a deploy key can run no command")
        words = ["--tty"] if tty else []
        # By a token: sudo writes its command line down, and all can read a process's arguments.
        request = Request("run.put", {"app": app, "command": list(argv)})
        token = str(self.call(request, lambda _: None)["token"])
        remote = there.argv("exec", *words, app, token)
        status = subprocess.run(self.connection.interactive(remote, tty=tty), check=False)
        if status.returncode == wrong.FAILED and not self.connection.lives():
            raise wrong.lost(self.connection.destination)
        return status.returncode if status.returncode >= 0 else 128 - status.returncode

    def _send(self, request: Request, packed: bytes) -> dict[str, Any]:
        self.sent += len(packed)
        return self._ask(request, packed, _LONGEST_SENDING, lambda _: None)

    def _ask(self, request: Request, data: bytes, timeout: float, emit: Emit) -> dict[str, Any]:
        channel = self._channel()
        answer = Answer(emit)
        try:
            line = json.dumps(request.to_json()).encode() + b"\n"
            if channel.ask(line + data, answer.take, timeout):
                return answer.outcome()
        except TransportError as error:
            if error is answer.error:
                raise
            raise TransportError(f"{self.server}: {request.method}: {error.message}") from error
        finally:
            with self._lock:
                if channel.whole:
                    self._idle.append(channel)
        raise self._ended(request, answer, channel.end(_END_GRACE))

    def _ended(self, request: Request, answer: Answer, status: int | None) -> HoldfastError:
        """Why there was no answer."""
        words = "\n".join(filter(None, (self.connection.last_words(), answer.rest())))
        if (there := self.connection.there()).sudo and wrong.no_sudo_said(words):
            return wrong.no_sudo(self.connection.destination, there.admin, words)
        if not self.connection.lives() or status in (None, wrong.FAILED) or status < 0:
            deploying = request.method in DEPLOYING
            return wrong.lost(self.connection.destination, words, deploying=deploying)
        return TransportError(
            f"{self.server}: {request.method}: the server's Holdfast ended with status"
            f" {status} and no answer",
            detail=words or None,
        )

    def _channel(self) -> Channel:
        """One that nobody uses now."""
        there = self._agent()
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self.connection.channel(there.agent, there.argv("serve"))

    def _agent(self) -> There:
        """The server, with our own agent on it: installed first if it has another or none."""
        with self._lock:
            ours = bundle()  # read while ssh connects
            there = self.connection.there()
            if there.door is not None:
                return self._behind(there)
            if not self._ready and there.agent != ours.hash:
                install(self.connection, ours)
            self._ready = True
            return replace(there, agent=ours.hash)

    def _behind(self, there: There) -> There:
        """A deploy key brings no agent of its own along; the one there must speak as we do."""
        if there.protocol != VERSION:
            raise TransportError(
                f"{self.server}: the server has Holdfast {there.version}, which this one"
                f" ({__version__}) cannot talk to, and a deploy key may not change that",
                hint=f"install holdfast=={there.version} here, or let the server's admin run any"
                " command of a newer one",
            )
        return there


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

    def take(self, line: str) -> bool:
        """One line; what is none of the protocol's is kept to explain a failure.

        Returns:
            whether it was the last.
        """
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
        return self.result is not None or self.error is not None

    def outcome(self) -> dict[str, Any]:
        """The result, or the error raised."""
        if self.error is not None:
            raise self.error
        assert self.result is not None
        return self.result

    def rest(self) -> str:
        return "\n".join(self._rest[-12:])
