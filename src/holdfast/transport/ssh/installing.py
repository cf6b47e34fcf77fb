"""Bring the server's side of Holdfast to a server."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

from holdfast import __version__
from holdfast.command import Command
from holdfast.errors import CommandFailed, TransportError
from holdfast.execute import run
from holdfast.protocol import VERSION
from holdfast.transport.ssh import setup_there, wrong
from holdfast.transport.ssh.bundle import Bundle
from holdfast.transport.ssh.connection import Connection

LONGEST = 600.0
"""Seconds: where the server fetches uv from a slow index, most of it is that."""

_NO_PYTHON = 96

_FIND_PYTHON = """
for p in python3 python3.14 python3.13 python3.12 python3.11; do
if $p -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then exec $p -I -c "$1"; fi
done
python3 --version 2>&1 || :
exit {status}
"""
_RUN = 'import sys; there = {{}}; exec(sys.stdin.buffer.read({length}), there); there["main"]()'


def install(connection: Connection, bundle: Bundle) -> None:
    """Install ``bundle`` and make it the current one; run twice, nothing changes.

    Raises:
        TransportError: the server cannot have it; the hint says why and what to do.
    """
    answer = _send(connection, bundle, bundle.archive())
    if answer.get("needs") == "uv":
        answer = _send(connection, bundle, _with_uv(connection, bundle, answer))
    if "installed" not in answer:
        raise TransportError(
            f"{connection.destination.name}: {answer.get('problem') or answer.get('why')}",
            hint=answer.get("hint") or None,
        )


def _send(connection: Connection, bundle: Bundle, archive: bytes) -> dict[str, Any]:
    command = _command(connection, bundle, archive)
    try:
        done = run(command, check=False)
    except CommandFailed as error:
        raise TransportError(
            f"{connection.destination.name}: Holdfast cannot be installed there: {error.message}",
            detail=error.output,
        ) from error
    for line in reversed(done.output.splitlines()):
        if line.startswith("{"):
            answer: dict[str, Any] = json.loads(line)
            return answer
    if done.returncode == _NO_PYTHON:
        raise _no_python(connection, done.output)
    if done.returncode == wrong.FAILED and not connection.lives():
        raise wrong.lost(connection.destination, connection.last_words())
    if (there := connection.there()).sudo and wrong.no_sudo_said(done.output):
        raise wrong.no_sudo(connection.destination, there.admin, done.output)
    raise TransportError(
        f"{connection.destination.name}: Holdfast cannot be installed there",
        detail="\n".join(done.output.splitlines()[-12:]) or None,
    )


def _command(connection: Connection, bundle: Bundle, archive: bytes) -> Command:
    code = Path(setup_there.__file__).read_bytes()
    header = {
        "root": connection.there().root,
        "hash": bundle.hash,
        "version": __version__,
        "protocol": VERSION,
        "uv": bundle.uv,
    }
    script = _FIND_PYTHON.format(status=_NO_PYTHON)
    there = connection.there()
    remote = there.elevated("/bin/sh", "-c", script, "sh", _RUN.format(length=len(code)))
    stdin = b"".join((code, json.dumps(header).encode(), b"\n", archive))
    return connection.session(remote, timeout=LONGEST, stdin=stdin)


def _no_python(connection: Connection, said: str) -> TransportError:
    found = next((line for line in said.splitlines() if line.startswith("Python 3")), None)
    there = f"has only {found}" if found else "has no Python 3"
    return TransportError(
        f"{connection.destination.name}: the server {there}; 3.11 or newer is needed",
        hint="on Debian 12, Ubuntu 24.04 and later: apt-get install python3",
    )


def _with_uv(connection: Connection, bundle: Bundle, answer: dict[str, Any]) -> bytes:
    """The archive with our own uv in it, for a server that cannot fetch one.

    Raises:
        TransportError: ours would not run there.
    """
    from uv import find_uv_bin

    if answer.get("platform") != setup_there.kind():
        raise TransportError(
            f"{connection.destination.name}: the server cannot get uv: {answer.get('why')}",
            hint="let it: apt-get install python3-venv, and a way to a package index"
            " (the one here is for another kind of machine)",
        )
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=1) as tar:
        with tarfile.open(fileobj=io.BytesIO(bundle.archive())) as given:
            for member in given:
                tar.addfile(member, given.extractfile(member))
        tar.add(find_uv_bin(), "uv-program")
    return stream.getvalue()
