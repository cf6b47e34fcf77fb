"""What the app writes in its own tree, and what it keeps in memory.

Only what the code says in so many words; the framework is asked later for the rest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import Confidence, Evidence, Fact, MemoryState, WritesTo
from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree, join

URL = "a SQLite URL in the code"
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?!/)([^?:{}%<>]+)(?:\?.*)?")
_SCHEDULERS = ("BackgroundScheduler", "AsyncIOScheduler", "APScheduler", "TwistedScheduler")
_QUEUES = ("queue.Queue", "asyncio.Queue", "queue.SimpleQueue", "collections.deque")
_SOCKET_SERVERS = {
    "flask_socketio.SocketIO": "message_queue",
    "socketio.AsyncServer": "client_manager",
    "socketio.Server": "client_manager",
}


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for source in tree.mentioning(b"sqlite", b"UPLOAD_FOLDER"):
        if not is_for_tests(source.path):
            yield from _written(source)
    for source in tree.mentioning(b"ocket", b"Scheduler", b"Queue", b":memory:"):
        if not is_for_tests(source.path):
            yield from _in_memory(source)


def _written(source: Source) -> Iterator[Fact]:
    for node in source.nodes:
        value = text(node)
        match = _SQLITE.fullmatch(value) if value else None
        if match and ":memory:" not in match[1]:
            yield _file(source, node, match[1], URL)
    for call, name in source.calls():
        if name in ("sqlite3.connect", "aiosqlite.connect"):
            path = text(argument(call, 0, "database"))
            if path and path != ":memory:" and not path.startswith("/"):
                yield _file(source, call, path, f"{name}() in the code")
    for name, value_node, line in source.assignments:
        path = text(value_node)
        if name == "UPLOAD_FOLDER" and path and not path.startswith(("/", "..")):
            yield WritesTo(
                Evidence(source.path, line), join(".", path), "directory", "UPLOAD_FOLDER"
            )


def _file(source: Source, node: ast.AST, path: str, what: str) -> WritesTo:
    return WritesTo(
        Evidence(source.path, getattr(node, "lineno", None)),
        path.removeprefix("./"),
        "file",
        what,
        confidence=Confidence.LIKELY,
    )


def _in_memory(source: Source) -> Iterator[MemoryState]:
    """In-process brokers and schedulers: with two workers each would have its own."""
    for call, name in source.calls():
        option = _SOCKET_SERVERS.get(name)
        if option and not any(item.arg == option for item in call.keywords):
            yield _memory(source, call, f"{name.rpartition('.')[2]} without {option}")
        elif name.rpartition(".")[2] in _SCHEDULERS:
            yield _memory(source, call, f"{name.rpartition('.')[2]}, a scheduler in the process")
    for _, value, line in source.assignments:
        if source.called(value) in _QUEUES[:3]:
            evidence = Evidence(source.path, line)
            yield MemoryState(evidence, f"a {source.called(value)} of the whole process")
    for node in source.nodes:
        value_text = text(node)
        if value_text and (value_text == ":memory:" or value_text.endswith(":///:memory:")):
            yield _memory(source, node, "a SQLite database in memory")


def _memory(source: Source, node: ast.AST, what: str) -> MemoryState:
    return MemoryState(Evidence(source.path, getattr(node, "lineno", None)), what)
