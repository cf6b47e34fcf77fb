"""What the newest Pythons have dropped, and how an app that still imports it says so."""

from __future__ import annotations

import re
import sys

_OLDER: tuple[tuple[str, str], ...] = (
    (r"'\w+' from 'collections'|module 'collections' has no attribute '[A-Z]", "<3.10"),
    (r"'(?:getargspec|formatargspec)' from 'inspect'", "<3.11"),
    (r"module 'inspect' has no attribute '(?:getargspec|formatargspec)'", "<3.11"),
    (r"module 'asyncio' has no attribute 'coroutine'|'coroutine' from 'asyncio'", "<3.11"),
    (r"'gcd' from 'fractions'|module 'fractions' has no attribute 'gcd'", "<3.9"),
    (r"module 'base64' has no attribute '(?:de|en)codestring'", "<3.9"),
    (r"module 'locale' has no attribute 'format'", "<3.12"),
    (r"module 'ssl' has no attribute 'wrap_socket'", "<3.12"),
    (r"module 'configparser' has no attribute 'SafeConfigParser'", "<3.12"),
    (r"'(?:SafeConfigParser)' from 'configparser'", "<3.12"),
    (r"module 'pkgutil' has no attribute 'Imp", "<3.12"),
    (r"No module named 'flask\.ext'", "<3.12"),  # found by a hook of the kind that has gone
)
"""By their "What's New" pages: what an error says, and which Pythons still have it."""

_HIDDEN = re.compile(r"cannot import name '\w+' from '(\w+)[\w.]*' \((/[^)]+)\)")
"""A module of Python's own, found in the project's tree: ``random.py``, a folder ``queue``."""

_OF_PYTHON = re.compile(r"cannot import name '\w+' from '(\w+)|module '(\w+)' has no attribute '")

GONE = {
    "asynchat": "pyasynchat", "asyncore": "pyasyncore", "imp": "zombie-imp",
    "audioop": "audioop-lts", "cgi": "legacy-cgi", "cgitb": "legacy-cgi",
    **{name: f"standard-{name}" for name in (
        "aifc", "chunk", "crypt", "imghdr", "mailcap", "nntplib", "pipes", "sndhdr", "sunau",
        "telnetlib", "uu", "xdrlib")},
}  # fmt: skip
"""Modules that Python itself no longer has (3.12: the first three; 3.13: PEP 594), as packages."""


def bound(message: str) -> str | None:
    """Which Pythons still have what the error misses (``"<3.10"``); ``None`` if not known."""
    if hidden(message) is not None:
        return None
    return next((bound for said, bound in _OLDER if re.search(said, message)), None)


def hidden(message: str) -> str | None:
    """The module of Python's own that a file of the project stands before; ``None``: none does."""
    found = _HIDDEN.search(message)
    own = found is not None and not re.search(r"/lib\w*/(?:python|pypy)\d|-packages/", found[2])
    return found[1] if found and own and found[1] in sys.stdlib_module_names else None


def of_python(message: str) -> str | None:
    """The module of Python's own that lacks something, if the error is about one."""
    if hidden(message) is not None:
        return None
    found = _OF_PYTHON.search(message)
    name = (found[1] or found[2]) if found else None
    return name if name in sys.stdlib_module_names else None
