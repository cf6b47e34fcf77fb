"""What the owner of a deploy key may ask for: requests about one app, each word of them checked.

They were not made by our own client for certain, so what does not fit is one error that says what;
further in nobody has to expect it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from holdfast.errors import UsageError
from holdfast.protocol import Request

_MAY = "?"
"""Behind the name of what a request may leave out."""

_SOURCE = "app config source strategy? origin?"
METHODS: Mapping[str, str] = {
    "hello": "",
    "status": "app?",
    "look": "app",
    "releases": "app",
    "logs": "app processes? since? follow? lines?",
    "follow": "app",
    "cancel": "app",
    "source.offer": "app bytes",
    "source.put": "app bytes token",
    "expect": "app",
    "plan": _SOURCE,
    "cert.put": "app certificate key domains",
    "deploy": _SOURCE,
    "rollback": "app release? strategy? plan_only?",
}
"""What may be asked, and with what."""

_ORIGIN = 8192
"""Characters at most: a path, names, and a commit or two."""
_PROCESS = re.compile(r"[a-z0-9][a-z0-9_-]*\Z")


def narrowed(app: str, request: Request, *, host: bool = False) -> Request:
    """The request, if a deploy key of ``app`` may make it.

    Args:
        host: what it deploys may reach the server itself.

    Raises:
        UsageError: it may not, or it is none.
        ConfigError: the config that comes with it is none.
    """
    allowed = METHODS.get(request.method)
    if allowed is None:
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
    _check_names(app, request.method, allowed.split(), params)
    _check(app, request.method, params)
    if request.method in ("deploy", "plan"):
        params["confined"] = not host
    return Request(request.method, params)


def _status(app: str, params: Mapping[str, Any]) -> Request:
    if set(params) - {"app"} or params.get("app", app) != app:
        raise _refused(app, "status of another app")
    return Request("status", {"app": app, "lenient": True})


def _check_names(app: str, method: str, allowed: list[str], params: Mapping[str, Any]) -> None:
    names = {name.rstrip(_MAY): name.endswith(_MAY) for name in allowed}
    if strange := sorted(params.keys() - names):
        raise _refused(app, f"{method} with {strange[0]}")
    for name, may in names.items():
        said = params.get(name)
        if (said is None and not may) or not (said is None or _KINDS[name](said)):
            what = "is missing" if name not in params else "is not what it has to be"
            raise UsageError(
                f"{method}: {name} {what}", hint="requests are made by the holdfast command"
            )


def _check(app: str, method: str, params: Mapping[str, Any]) -> None:
    """What is named inside must be this app's, too."""
    if method in ("deploy", "plan"):
        named = params["config"].get("app")
        if not isinstance(named, dict) or named.get("name") != app:
            raise _refused(app, f"{method} of another app")
        from holdfast.config import from_json

        from_json(params["config"])
    for process in params.get("processes") or ():
        if not _PROCESS.match(process):
            raise UsageError(f"{process!r} is no process")


def _refused(app: str, what: object) -> UsageError:
    return UsageError(
        f"this deploy key may not ask for {what}",
        hint=f"it can plan, deploy, roll back and follow {app}, and read its status, releases"
        " and logs; for more log in as the server's admin",
    )


def _is_text(said: object) -> bool:
    return isinstance(said, str)


def _is_flag(said: object) -> bool:
    return isinstance(said, bool)


def _is_count(said: object) -> bool:
    return isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 2**63


def _is_moment(said: object) -> bool:
    """Unix time: a number, and none of those without end or value that Python's JSON has, too."""
    if isinstance(said, bool) or not isinstance(said, int | float):
        return False
    return abs(said) < 2**40


def _is_texts(said: object) -> bool:
    return isinstance(said, list) and all(map(_is_text, said))


def _is_source(said: object) -> bool:
    if not isinstance(said, dict) or said.keys() - {"token", "commit", "dirty"}:
        return False
    commit = said.get("commit") or ""
    known = isinstance(commit, str) and re.fullmatch(r"[0-9a-f]{0,64}", commit) is not None
    return known and _is_text(said.get("token")) and _is_flag(said.get("dirty", False))


def _is_origin(said: object) -> bool:
    """Whether others can read it: it is kept, and shown to who deploys the app the next time."""
    from holdfast.codec import from_json
    from holdfast.releases.origin import Origin

    try:
        from_json(said, Origin)
    except (TypeError, ValueError):
        return False
    return len(text := json.dumps(said, ensure_ascii=False)) <= _ORIGIN and text.isprintable()


_KINDS: Mapping[str, Callable[[object], bool]] = {
    **dict.fromkeys(("app", "strategy", "token", "release", "certificate", "key"), _is_text),
    **dict.fromkeys(("follow", "plan_only"), _is_flag),
    **dict.fromkeys(("bytes", "lines"), _is_count),
    **dict.fromkeys(("processes", "domains"), _is_texts),
    "config": lambda said: isinstance(said, dict),
    "since": _is_moment,
    "source": _is_source,
    "origin": _is_origin,
}
