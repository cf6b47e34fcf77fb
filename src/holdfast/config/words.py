"""What somebody meant whose word is none of those possible. Loaded for wrong configs only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_VALUES = {
    "supervisor": {
        "docker": 'is not known; did you mean "compose"?',
        "supervisord": 'is not known; did you mean "supervisor"?',
        "kubernetes": 'is not available yet; leave it out or write "auto"',
    },
    "asgi": {
        **dict.fromkeys(
            ("fastapi", "starlette", "quart", "litestar", "sanic"),
            'is not known by name; write "asgi"',
        ),
        **dict.fromkeys(
            ("bottle", "pyramid", "falcon", "cherrypy"), 'is not known by name; write "wsgi"'
        ),
    },
    "unix": {
        "socket": 'is not known; did you mean "unix"?',
        "tcp": 'is not known; did you mean "port"?',
    },
    "hold": {
        **dict.fromkeys(
            ("rolling", "blue_green", "zero_downtime", "canary"),
            'is not known; did you mean "handover"?',
        ),
        **dict.fromkeys(
            ("recreate", "restart", "replace", "pause"), 'is not known; did you mean "hold"?'
        ),
    },
}
"""Wrong words where there is a choice, told by one of its names, and the rest of the sentence."""


def instead(word: str, names: Iterable[str]) -> str | None:
    """The rest of the sentence about a word that is none of ``names``."""
    for name in names:
        if remark := _VALUES.get(name, {}).get(plain(word)):
            return remark
    near = nearest(word, names)
    return f'is not known; did you mean "{near}"?' if near else None


def nearest(word: str, names: Iterable[str]) -> str | None:
    """The name that ``word`` is most likely a slip of."""
    by_lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(word.lower().replace("-", "_"), by_lower, n=1, cutoff=0.75)
    return by_lower[found[0]] if found else None


def plain(word: str) -> str:
    """As names are compared: ``Zero-Downtime`` is ``zero_downtime``."""
    return word.lower().replace("-", "_")
