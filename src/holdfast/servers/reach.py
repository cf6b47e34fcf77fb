"""Run ``holdfast.provision`` at the far end of a connection, out of memory.

Before a plan is confirmed nothing may be changed on the server, not even by our being there: the
code goes in on standard input and lies in a file without a name (memfd_create(2)).
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from holdfast.errors import CommandFailed, HoldfastError, TransportError
from holdfast.execute import run
from holdfast.protocol import Emit, Request
from holdfast.transport.ssh import wrong
from holdfast.transport.ssh.connection import Connection
from holdfast.transport.ssh.transport import Answer

_NO_PYTHON, _NO_SUDO = 96, 97

_SCRIPT = f"""
s=; if [ "$(id -u)" != 0 ]; then
s="sudo -n --"; sudo -n true 2>/dev/null || exit {_NO_SUDO}; fi
for p in python3 python3.14 python3.13 python3.12 python3.11; do
if $p -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then
exec $s env "SSH_CONNECTION=$SSH_CONNECTION" "HOLDFAST_LOGIN=$(id -un)" $p -I -B -c "$1"; fi
done
exit {_NO_PYTHON}
"""

_BOOT = """
import os, sys
left, file = {length}, os.memfd_create("holdfast")
while left:
    data = sys.stdin.buffer.read(min(left, 65536))
    if not data: sys.exit(1)
    os.write(file, data); left -= len(data)
sys.path.insert(0, f"/proc/self/fd/{{file}}")
from holdfast.provision.there import main
sys.exit(main())
"""


class Far:
    """The far end, as root: the account's own rights, or sudo without a password."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def name(self) -> str:
        return self.connection.destination.name

    def call(
        self, method: str, params: dict[str, Any], emit: Emit, *, timeout: float = 120
    ) -> dict[str, Any]:
        """Ask, pass events on, return the result.

        Raises:
            HoldfastError: what was raised there; TransportError: it cannot be reached.
        """
        code = archive()
        line = json.dumps(Request(method, params).to_json()).encode() + b"\n"
        remote = ("/bin/sh", "-c", _SCRIPT, "sh", _BOOT.format(length=len(code)))
        command = self.connection.session(remote, timeout=timeout, stdin=code + line)
        answer = Answer(emit)
        try:
            done = run(command, check=False, on_line=taking(answer))
        except CommandFailed as error:
            raise TransportError(f"{self.name}: {method}: {error.message}") from error
        if answer.error is not None:
            raise answer.error
        if answer.result is not None:
            return answer.result
        raise self._failed(done.returncode, answer.rest())

    def _failed(self, status: int, said: str) -> HoldfastError:
        if status == _NO_SUDO:
            return HoldfastError(
                f"{self.name}: not root, and sudo asks for a password",
                hint="log in as root, or as a user with NOPASSWD in /etc/sudoers.d (sudoers(5))",
            )
        if status == _NO_PYTHON:
            return HoldfastError(
                f"{self.name}: the server has no Python 3.11 or newer",
                hint=f"{self.connection.destination.typed} apt-get install -y python3",
            )
        if status == wrong.FAILED or status < 0:
            words = self.connection.last_words() or said
            return wrong.lost(self.connection.destination, words)
        return TransportError(f"{self.name}: ended with status {status}", detail=said or None)


def taking(answer: Answer) -> Callable[[str], None]:
    """``answer.take`` for lines that come to their end anyway."""

    def take(line: str) -> None:
        answer.take(line)

    return take


@cache
def archive() -> bytes:
    """What runs there: ``provision`` and the ground it stands on."""
    stream = io.BytesIO()
    package = resources.files("holdfast")
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for module in package.iterdir():
            if module.name.endswith(".py"):
                packed.writestr(f"holdfast/{module.name}", module.read_bytes())
        _pack(packed, package / "provision", "holdfast/provision")
    return stream.getvalue()


def _pack(packed: zipfile.ZipFile, directory: Traversable, name: str) -> None:
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                _pack(packed, entry, f"{name}/{entry.name}")
        elif not re.search(r"\.pyc$", entry.name):
            packed.writestr(f"{name}/{entry.name}", entry.read_bytes())
