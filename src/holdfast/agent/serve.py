"""One request on standard input, the protocol's lines on standard output: the far end of SSH.

The request is one line. ``source.put`` (``app``, ``bytes``) is answered here: that many
bytes follow, a zlib stream (RFC 1950) of the tar archive; its token comes back.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
import time
import traceback
import zlib
from typing import IO, Any

from holdfast.agent.dispatch import dispatch
from holdfast.errors import HoldfastError, TransportError, UsageError
from holdfast.files import write_atomic
from holdfast.layout import Layout, default_root
from holdfast.protocol import VERSION, Event, Request, error_to_json

_CHUNK = 1 << 18
_LINGER = 20.0
"""Seconds that a request goes on after nobody listens any more, to finish what it is in."""


def serve() -> int:
    """Answer one request.

    Returns:
        0; also for an error, which is an answer. 1 when nobody was left to hear it.
    """
    wire = _own_the_output()
    threading.Thread(target=_end_when_alone, args=(wire.fileno(),), daemon=True).start()
    try:
        _write(wire, _answer(sys.stdin.buffer, wire))
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
    poll.poll()
    time.sleep(_LINGER)
    os._exit(1)


def _answer(stdin: IO[bytes], wire: IO[bytes]) -> dict[str, Any]:
    def emit(event: Event) -> None:
        wire.write(event.to_line().encode() + b"\n")

    try:
        request = _request(stdin.readline())
        layout = Layout(default_root())
        if request.method == "source.put":
            return {"result": _put(layout, request, stdin)}
        return {"result": dispatch(layout, request, emit)}
    except HoldfastError as error:
        return {"error": error_to_json(error)}
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - the other side has no other way to hear of it
        return {"error": error_to_json(_fault(error))}


def _request(line: bytes) -> Request:
    try:
        value = json.loads(line)
        version, method, params = value["version"], value["method"], value["params"]
    except (ValueError, KeyError, TypeError):
        raise UsageError("the request is not one line of JSON as the protocol has it") from None
    if version != VERSION:
        raise UsageError(
            f"the request is of version {version}, the server's Holdfast speaks {VERSION}",
            hint="upgrade the older one",
        )
    return Request(method, params)


def _put(layout: Layout, request: Request, stdin: IO[bytes]) -> dict[str, Any]:
    """Take an archive in; its name appears when it is whole, for its owner alone."""
    app = layout.app(str(request.params["app"]))
    layout.make()
    app.make()
    token = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(4).hex()}"
    beside = app.incoming / f".{token}.part"
    beside.touch(mode=0o600)
    try:
        with beside.open("wb") as archive:
            _inflate(stdin, int(request.params["bytes"]), archive)
        beside.replace(app.incoming / f"{token}.tar")
    except OSError as error:
        raise TransportError(
            f"the source could not be stored on the server: {error.strerror}",
            hint=f"is there room on the disk of {layout.root}?",
        ) from error
    finally:
        beside.unlink(missing_ok=True)
    return {"token": token}


def _inflate(stdin: IO[bytes], left: int, archive: IO[bytes]) -> None:
    """Unpack exactly ``left`` bytes of input.

    Raises:
        TransportError: it ended early, or is damaged.
    """
    stream = zlib.decompressobj()
    try:
        while left and (chunk := stdin.read(min(left, _CHUNK))):
            left -= len(chunk)
            archive.write(stream.decompress(chunk))
    except zlib.error as error:
        raise TransportError(f"the source arrived damaged: {error}") from None
    if left or not stream.eof:
        raise TransportError("the source did not arrive whole", hint="run the command again")


def _fault(error: Exception) -> HoldfastError:
    """A fault of ours: say so, and keep what shows where, for the server's user alone."""
    kept = default_root() / "agent" / "fault.txt"
    try:
        write_atomic(kept, traceback.format_exc(), mode=0o600)
    except OSError:
        return HoldfastError(f"Holdfast has a fault on the server: {type(error).__name__}")
    return HoldfastError(
        f"Holdfast has a fault on the server: {type(error).__name__}",
        hint=f"please report it with {kept} (on the server)",
    )


def _write(wire: IO[bytes], value: dict[str, Any]) -> None:
    """All of it: a write to a pipe may take a part."""
    data = memoryview(json.dumps(value).encode() + b"\n")
    while data:
        data = data[wire.write(data) or 0 :]
