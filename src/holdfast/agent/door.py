"""The door of a deploy key: sshd starts it in place of whatever the key's owner asked for.

It can deploy one app and look at it, and nothing else: what it deploys may not reach the server
(:mod:`holdfast.releases.confined`) unless the server's admin has allowed that to the key.

What was asked for comes in ``SSH_ORIGINAL_COMMAND`` (sshd(8), AUTHORIZED_KEYS FILE FORMAT); it is
compared with the two commands that our own transport sends, and never run. The agent is always the
one that is installed: one that a key's owner sent could do anything.
"""

from __future__ import annotations

import json
import os
import shlex
import sys

from holdfast import __version__
from holdfast.agent.narrow import narrowed
from holdfast.protocol import VERSION, Request

_PROBE = "holdfast-probe"


def door(app: str, *, host: bool = False) -> int:
    """Answer as far as a deploy key of ``app`` goes; the exit status.

    Args:
        host: what it deploys may reach the server itself.
    """
    from holdfast.agent.serve import serve

    def narrow(request: Request) -> Request:
        return narrowed(app, request, host=host)

    asked = _words(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
    if asked == ["holdfast-agent", "serve"]:
        return serve(narrow)
    if len(asked) == 4 and asked[:2] == ["/bin/sh", "-c"] and asked[3] == _PROBE:
        said = {"app": app, "version": __version__, "protocol": VERSION}
        print(f"\nholdfast-door {json.dumps(said)}", flush=True)
        if sys.stdin.buffer.readline() == b"door\n":
            return serve(narrow)
        sys.stdin.buffer.read()
        return 0
    print(f"this key can deploy {app} with holdfast, and nothing else", file=sys.stderr)
    return 1


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
