"""Which program serves the app: the one it depends on, else a sound default beside it."""

from __future__ import annotations

from holdfast.detect import green
from holdfast.detect.command_line import ServerLine
from holdfast.detect.facts import Interface
from holdfast.detect.project import ServerChoice
from holdfast.records import record

_PREFERRED: dict[Interface, tuple[str, ...]] = {
    "wsgi": ("gunicorn", "granian", "waitress", "hypercorn"),
    "asgi": ("uvicorn", "granian", "hypercorn", "daphne"),
}
"""Servers that speak the interface, by preference when the app depends on several."""

_GUNICORN = (
    'gunicorn==27.0.1; python_version >= "3.10"',
    'gunicorn==23.0.0; python_version < "3.10"',
)
_OF_GREEN = (green.LAST,)
_UVICORN = (
    'uvicorn==0.54.0; python_version >= "3.10"',
    'uvicorn==0.33.0; python_version < "3.10"',
)
_WEBSOCKETS = (
    'websockets==17.4; python_version >= "3.11"',
    'websockets==13.1; python_version < "3.11"',
)
_FAST = (
    'uvloop==0.23.0; python_version >= "3.10" and platform_python_implementation == "CPython"',
    'httptools==0.9.0; python_version >= "3.10"',
)


_PINNED = {
    "gunicorn": _GUNICORN,
    "uvicorn": _UVICORN + _WEBSOCKETS + _FAST,
    "hypercorn": ('hypercorn==0.18.0; python_version >= "3.10"',),
    "granian": ('granian==2.8.7; python_version >= "3.10"',),
    "daphne": ('daphne==4.2.3; python_version >= "3.9"',),
    "waitress": ('waitress==3.0.2; python_version >= "3.9"',),
}

_BROUGHT_ALONG = frozenset({"hypercorn"})
"""Quart installs it whether it is wanted or not, and it can't be told to read the forwarded
headers; who chose it says so in the project's own dependencies."""


@record
class Served:
    """A server, and the packages to install for it (PEP 508, pinned)."""

    choice: ServerChoice
    extra: tuple[str, ...]


def choose(
    interface: Interface,
    packages: frozenset[str],
    direct: frozenset[str],
    *,
    websockets: bool,
    named: ServerLine | None = None,
    mode: str = "",
) -> Served:
    """The server for an app.

    Args:
        packages: all it depends on; ``direct``: what its own files name.
        websockets: the app has WebSocket routes.
        named: the server's command line in the config or the ``Procfile``.
        mode: of :func:`holdfast.detect.green.mode`, for Socket.IO.
    """
    if named is not None:
        return _named(named, packages)
    for name in ("gunicorn",) if mode and interface == "wsgi" else _PREFERRED[interface]:
        if name in direct or (name in packages and name not in _BROUGHT_ALONG):
            why = f"the app depends on {name}"
            return Served(ServerChoice(name, True, why), _completed(name, packages, websockets))
    if interface == "wsgi":
        why = "no server among its dependencies; gunicorn is the default for WSGI"
        return Served(ServerChoice("gunicorn", False, why), _OF_GREEN if mode else _GUNICORN)
    why = "no server among its dependencies; uvicorn is the default for ASGI"
    return Served(ServerChoice("uvicorn", False, why), _UVICORN + _WEBSOCKETS + _FAST)


def _named(line: ServerLine, packages: frozenset[str]) -> Served:
    name = line.name
    why = "its command line names it" + ("" if name in packages else ", and nothing installs it")
    return Served(ServerChoice(name, name in packages, why), missing(line, packages))


def missing(line: ServerLine, packages: frozenset[str]) -> tuple[str, ...]:
    """What a server's command line needs and the project does not install."""
    pinned = _PINNED[line.name]
    if line.name == "gunicorn" and green.named(line.options):
        pinned = _OF_GREEN
    found = () if line.name in packages else pinned
    worker = " ".join(line.options)
    if "uvicorn_worker" in worker and "uvicorn-worker" not in packages:
        found += ("uvicorn-worker==0.4.0",)
    elif "uvicorn.workers" in worker and "uvicorn" not in packages:
        # The class went from uvicorn itself to the package uvicorn-worker.
        found += ("uvicorn==0.33.0",)
    return found


def _completed(name: str, packages: frozenset[str], websockets: bool) -> tuple[str, ...]:
    """uvicorn alone has no WebSockets: without such a package it answers them with 400."""
    if name == "uvicorn" and websockets and not packages & {"websockets", "wsproto"}:
        return _WEBSOCKETS
    return ()
