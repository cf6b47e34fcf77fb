"""Socket.IO under WSGI: the worker of gunicorn that its own mode of working asks for.

Where eventlet or gevent is installed, Socket.IO takes it unasked, and then no thread of another
worker can wait for its messages: long polls hang, and WebSockets are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import Evidence, Fact, SocketServer
from holdfast.detect.source import argument, text
from holdfast.detect.tree import Tree

_SERVERS = ("flask_socketio.SocketIO", "socketio.Server")
_WITH_WEBSOCKETS = "geventwebsocket.gunicorn.workers.GeventWebSocketWorker"
MODES = ("eventlet", "gevent")
"""In the order in which Socket.IO looks for them (``engineio.async_modes``)."""

LAST = "gunicorn==23.0.0"
"""It has an eventlet worker, which 26 has dropped, and takes any gevent; later ones need 24.10."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for source in tree.mentioning(b"socketio"):
        for call, name in source.calls() if not is_for_tests(source.path) else ():
            is_later = name.endswith(".init_app") and "ocket" in name
            if name in _SERVERS or is_later:
                mode = text(argument(call, 9, "async_mode")) or ""
                if mode or not is_later:
                    yield SocketServer(Evidence(source.path, call.lineno), mode)


def mode(facts: Iterable[Fact], packages: frozenset[str]) -> str:
    """``eventlet`` or ``gevent`` where Socket.IO works by one of them; else empty."""
    found = [fact for fact in facts if isinstance(fact, SocketServer)]
    said = next((fact.mode for fact in found if fact.mode), "")
    if said:
        return said if said in MODES else ""
    return next((name for name in MODES if found and name in packages), "")


def worker(facts: Iterable[Fact], packages: frozenset[str]) -> str:
    """The worker's class; empty where Socket.IO does with threads, or is not there."""
    found = mode(facts, packages)
    return _WITH_WEBSOCKETS if found == "gevent" and "gevent-websocket" in packages else found


def named(words: Iterable[str]) -> str:
    """The mode of a worker that a command line names (``-k eventlet``)."""
    line = " ".join(words)
    return next((name for name in MODES if name in line), "")


def is_too_new(mode: str, gunicorn: tuple[int, ...], gevent: tuple[int, ...]) -> bool:
    """Whether that gunicorn has no such worker any more, or none for this gevent."""
    if mode == "eventlet":
        return gunicorn >= (26,)
    return mode == "gevent" and gunicorn >= (24,) and () < gevent < (24, 10)
