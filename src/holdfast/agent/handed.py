"""The words of ``holdfast run`` on their way to ``agent exec``: in a file, by a token.

What is typed there may hold a password; sudo writes its command line into the server's log, and
everybody can read the arguments of a process.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from holdfast.agent.deploys import known
from holdfast.deploy.machine import Machine
from holdfast.errors import NotFound, UsageError
from holdfast.files import write_atomic
from holdfast.layout import AppLayout
from holdfast.protocol import Emit

_TOKEN = re.compile(r"[0-9a-f]{32}\Z")
_LASTS = 600.0
"""Seconds after which nobody comes for a command any more: the connection was cut in between."""


def put(machine: Machine, params: Mapping[str, Any], emit: Emit) -> dict[str, Any]:
    """Keep a command until it is taken; its token."""
    app = known(machine, str(params["app"]))
    home, token = machine.layout.app(app), os.urandom(16).hex()
    home.make()
    for old in home.incoming.glob("*.command"):
        if time.time() - old.stat().st_mtime > _LASTS:
            old.unlink(missing_ok=True)
    words = [str(word) for word in params["command"]]
    write_atomic(home.incoming / f"{token}.command", json.dumps(words), mode=0o600)
    return {"token": token}


def take(home: AppLayout, token: str) -> list[str]:
    """The command, which can be taken once.

    Raises:
        UsageError: that is no token.
        NotFound: there is none of that token.
    """
    if not _TOKEN.match(token):
        raise UsageError("that is no token of a command", hint="holdfast run runs commands")
    file = home.incoming / f"{token}.command"
    try:
        words: list[str] = json.loads(file.read_text())
    except FileNotFoundError:
        raise NotFound("that command was run already", hint="run it again") from None
    file.unlink(missing_ok=True)
    return words
