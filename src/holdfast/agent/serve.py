"""Requests on standard input, the protocol's lines on standard output: the far end of SSH.

A request is one line; the next is read when it was answered. ``source.offer`` and
``source.put`` (``app``, ``bytes``, ``token``) are answered here: that many bytes follow, a
zlib stream (RFC 1950) of what :mod:`~holdfast.agent.incoming` takes.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from holdfast.agent.dispatch import dispatch
from holdfast.errors import HoldfastError, UsageError
from holdfast.files import refused, write_atomic
from holdfast.layout import Layout, default_root
from holdfast.protocol import VERSION, Event, Request, error_to_json

SOURCE = frozenset({"source.offer", "source.put"})
_LINGER = 20.0
"""Seconds that a request goes on after nobody listens any more, to finish what it is in."""


def serve(narrow: Callable[[Request], Request] | None = None) -> int:
    """Answer requests until there are no more.

    Args:
        narrow: passes a request on, or raises where it may not be made.

    Returns:
        0; also for an error, which is an answer. 1 when nobody was left to hear it.
    """
    wire = _own_the_output()
    threading.Thread(target=_end_when_alone, args=(wire.fileno(),), daemon=True).start()
    try:
        while line := sys.stdin.buffer.readline():
            _write(wire, _answer(line, sys.stdin.buffer, wire, narrow))
    except BrokenPipeError:
        return 1
    return 0


def _own_the_output() -> IO[bytes]:
    """Standard output for the protocol alone; whatever else prints, prints to nobody.

    What we start must not hold the connection open either, so it inherits neither.
    """
    wire = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return wire


def _end_when_alone(descriptor: int) -> None:
    """End this process some time after the connection was cut.

    Somebody who follows a log that nobody writes to would otherwise never find out.
    """
    poll = select.poll()
    poll.register(descriptor, 0)  # POLLERR and POLLHUP are always told (poll(2))
    poll.register(0, getattr(select, "POLLRDHUP", 0))  # nobody can ask any more
    poll.poll()
    time.sleep(_LINGER)
    os._exit(1)


def _answer(
    line: bytes,
    stdin: IO[bytes],
    wire: IO[bytes],
    narrow: Callable[[Request], Request] | None = None,
) -> dict[str, Any]:
    def emit(event: Event) -> None:
        wire.write(event.to_line().encode() + b"\n")

    doing = "a request"
    try:
        request = _request(line)
        doing = request.method
        if narrow is not None:
            request = narrow(request)
        layout = Layout(default_root())
        if request.method in SOURCE:
            return {"result": _take(layout, request, stdin)}
        return {"result": dispatch(layout, request, emit)}
    except HoldfastError as error:
        return {"error": error_to_json(error)}
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the other side has no other way to hear of it
        return {"error": error_to_json(_fault(error, doing))}


def _request(line: bytes) -> Request:
    try:
        value = json.loads(line)
        version, method, params = value["version"], value["method"], value["params"]
        if not isinstance(method, str) or not isinstance(params, dict):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError("the request is not one line of JSON as the protocol has it") from None
    if version != VERSION:
        raise UsageError(
            f"the request is of version {version}, the server's Holdfast speaks {VERSION}",
            hint="upgrade the older one",
        )
    return Request(method, params)


def _take(layout: Layout, request: Request, stdin: IO[bytes]) -> dict[str, Any]:
    """Source that follows its request."""
    from holdfast.agent import incoming

    app = str(request.params["app"])
    body = incoming.Body(stdin, int(request.params["bytes"]))
    try:
        if request.method == "source.offer":
            return incoming.offer(layout, app, body)
        return incoming.put(layout, app, str(request.params["token"]), body)
    finally:
        body.drain()


def _fault(error: Exception, doing: str) -> HoldfastError:
    """A fault of ours, or of the system's: what, in what; and what shows where, for the server's
    user alone.

    What an error says can be of the app or a secret of it; what the system says of a file is not.
    """
    import traceback  # late: 7 ms of every command on a server

    told = refused(error, default_root()) if isinstance(error, OSError) else None
    if told is not None and told.hint is not None:  # whoever looks after the server can mend it
        told.message = f"the server failed at {doing}: {told.message}"
        return told
    if isinstance(error, OSError):
        at = f": {error.filename}" if error.filename else ""
        message = f"the server failed at {doing}: {error.strerror or type(error).__name__}{at}"
    else:
        where = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(where.filename).name}, line {where.lineno}"
        message = f"Holdfast has a fault on the server: {type(error).__name__} at {doing} ({place})"
    kept = default_root() / "agent" / "fault.txt"
    try:
        write_atomic(kept, traceback.format_exc(), mode=0o600)
    except OSError:
        return HoldfastError(message)
    hint = f"where it happened is in {kept} on the server; please report it unless that explains it"
    return HoldfastError(message, hint=hint)


def _write(wire: IO[bytes], value: dict[str, Any]) -> None:
    """All of it: a write to a pipe may take a part."""
    data = memoryview(json.dumps(value).encode() + b"\n")
    while data:
        data = data[wire.write(data) or 0 :]
