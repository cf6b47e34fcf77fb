"""The door of a deploy key: sshd starts it in place of whatever the key's owner asked for.

It can deploy one app and look at it, and nothing else. What was asked for comes in
``SSH_ORIGINAL_COMMAND`` (sshd(8), AUTHORIZED_KEYS FILE FORMAT); it is compared with the two
commands that our own transport sends, and never run. The agent is always the one that is
installed: one that a key's owner sent could do anything.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Mapping
from typing import Any

from holdfast import __version__
from holdfast.errors import UsageError
from holdfast.protocol import VERSION, Request

_SOURCE = frozenset({"app", "config", "source", "strategy", "origin"})
METHODS: Mapping[str, frozenset[str]] = {
    "hello": frozenset(),
    "status": frozenset({"app"}),
    "look": frozenset({"app"}),
    "releases": frozenset({"app"}),
    "logs": frozenset({"app", "processes", "since", "follow", "lines"}),
    "follow": frozenset({"app"}),
    "cancel": frozenset({"app"}),
    "source.offer": frozenset({"app", "bytes"}),
    "source.put": frozenset({"app", "bytes", "token"}),
    "expect": frozenset({"app"}),
    "plan": _SOURCE,
    "cert.put": frozenset({"app", "certificate", "key", "domains"}),
    "deploy": _SOURCE,
    "rollback": frozenset({"app", "release", "strategy", "plan_only"}),
}
"""What may be asked, and with what."""

_PROBE = "holdfast-probe"
_ORIGIN = 8192
"""Characters at most: a path, names, and a commit or two."""
_PROCESS = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")


def door(app: str) -> int:
    """Answer as far as a deploy key of ``app`` goes; the exit status."""
    from holdfast.agent.serve import serve

    asked = _words(os.environ.get("SSH_ORIGINAL_COMMAND", ""))
    if asked == ["holdfast-agent", "serve"]:
        return serve(lambda request: narrowed(app, request))
    if len(asked) == 4 and asked[:2] == ["/bin/sh", "-c"] and asked[3] == _PROBE:
        said = {"app": app, "version": __version__, "protocol": VERSION}
        print(f"\nholdfast-door {json.dumps(said)}", flush=True)
        if sys.stdin.buffer.readline() == b"door\n":
            return serve(lambda request: narrowed(app, request))
        sys.stdin.buffer.read()
        return 0
    print(f"this key can deploy {app} with holdfast, and nothing else", file=sys.stderr)
    return 1


def narrowed(app: str, request: Request) -> Request:
    """The request, if a deploy key of ``app`` may make it.

    Raises:
        UsageError: it may not.
    """
    allowed = METHODS.get(request.method)
    if allowed is None or not isinstance(request.params, dict):
        raise _refused(app, request.method)
    params: dict[str, Any] = dict(request.params)
    if request.method == "hello":
        return Request("hello", {})
    if request.method == "status":
        # Without a name it is about all apps: of the others nothing is told, not even that they
        # are there.
        return _status(app, params)
    if params.get("app") != app:
        raise _refused(app, f"{request.method} of another app")
    if strange := sorted(set(params) - allowed):
        raise _refused(app, f"{request.method} with {strange[0]}")
    _check(app, request.method, params)
    return Request(request.method, params)


def _status(app: str, params: Mapping[str, Any]) -> Request:
    if set(params) - {"app"} or params.get("app", app) != app:
        raise _refused(app, "status of another app")
    return Request("status", {"app": app, "lenient": True})


def _check(app: str, method: str, params: Mapping[str, Any]) -> None:
    """What is named inside must be this app's, too."""
    if method in ("deploy", "plan"):
        config = params.get("config")
        named = config.get("app") if isinstance(config, dict) else None
        if not isinstance(named, dict) or named.get("name") != app:
            raise _refused(app, f"{method} of another app")
    if (said := params.get("origin")) is not None and not _is_origin(said):
        raise _refused(app, f"{method} with a strange origin")
    for process in params.get("processes") or ():
        if not isinstance(process, str) or not _PROCESS.match(process):
            raise UsageError(f"{process!r} is no process")


def _is_origin(said: object) -> bool:
    """Whether others can read it: it is kept, and shown to who deploys the app the next time."""
    from holdfast.codec import from_json
    from holdfast.releases.origin import Origin

    try:
        from_json(said, Origin)
    except (TypeError, ValueError):
        return False
    return len(text := json.dumps(said, ensure_ascii=False)) <= _ORIGIN and text.isprintable()


def _refused(app: str, what: object) -> UsageError:
    return UsageError(
        f"this deploy key may not ask for {what}",
        hint=f"it can plan, deploy, roll back and follow {app}, and read its status, releases"
        " and logs; for more log in as the server's admin",
    )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return []
