"""What the app writes in its own tree, and what it keeps in memory.

Only what the code says in so many words; the framework is asked later for the rest.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from holdfast.config import Config
from holdfast.detect import reading
from holdfast.detect.candidates import is_aside, is_for_tests
from holdfast.detect.facts import (
    Confidence,
    Evidence,
    Fact,
    InTemporary,
    MemoryState,
    WritesTo,
)
from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree, parent

URL = "a SQLite URL in the code"
_SQLITE = re.compile(
    r"sqlite(?:\+\w+)?:///(?!/)([^?:{}%<>]+)(?:\?.*)?|sqlite://(?!/)([\w./-]+\.\w+)(?:\?.*)?"
)
"""SQLAlchemy's form of a path in the project, and Tortoise's, which has a slash less."""
_OPENS: dict[str, tuple[str, Literal["directory", "file"]]] = {
    "sqlite3.connect": ("database", "file"),
    "aiosqlite.connect": ("database", "file"),
    "duckdb.connect": ("database", "file"),
    "peewee.SqliteDatabase": ("database", "file"),
    "playhouse.sqlite_ext.SqliteExtDatabase": ("database", "file"),
    "playhouse.pool.PooledSqliteDatabase": ("database", "file"),
    "playhouse.sqliteq.SqliteQueueDatabase": ("database", "file"),
    "piccolo.engine.sqlite.SQLiteEngine": ("path", "file"),
    "tinydb.TinyDB": ("path", "file"),
    "chromadb.PersistentClient": ("path", "directory"),
    "lmdb.open": ("path", "directory"),
}
"""Calls that open a database in a file or a directory: which argument has its path.

Most open it when the first visitor comes, and not while the app is imported.
"""
_SCHEDULERS = ("BackgroundScheduler", "AsyncIOScheduler", "APScheduler", "TwistedScheduler")
_QUEUES = ("queue.Queue", "asyncio.Queue", "queue.SimpleQueue", "collections.deque")
_SOCKET_SERVERS = ("flask_socketio.SocketIO", "socketio.AsyncServer", "socketio.Server")
"""Also with a message queue: a visitor's long polls must reach the worker that has the session."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    words = (b"sqlite", b"Sqlite", b"SQLite", b"duckdb", b"TinyDB", b"PersistentClient", b"lmdb")
    for source in _of_the_app(tree, *words, b"UPLOAD_FOLDER"):
        yield from _written(source)
    for path, data in tree.holding(b".save("):
        if _SAVES.search(data) and not is_aside(path) and not is_for_tests(path):
            found = tree.source(path)
            yield from _saved(tree, found) if found else ()
    for path, data in tree.holding(b"open(", b"UPLOAD", b"upload"):
        if _WRITES.search(data) and not is_aside(path) and not is_for_tests(path):
            found = tree.source(path)
            yield from _folders(found) if found else ()
    for source in _of_the_app(tree, b"gettempdir", b":////tmp/", b"'/tmp/", b'"/tmp/'):
        yield from () if is_aside(source.path) else _temporary(source)
    for source in _of_the_app(tree, b"ocket", b"Scheduler", b"Queue", b":memory:"):
        yield from _in_memory(source)


def _of_the_app(tree: Tree, *words: bytes) -> Iterator[Source]:
    return (item for item in tree.mentioning(*words) if not is_for_tests(item.path))


_NAMED = re.compile(r"[\w./-]+\.(?:db|sqlite3?|duckdb)")
_IN_TMP = re.compile(r"(?:sqlite[+\w]*:///)?/tmp/([\w./-]+\.(?:db|sqlite3?|duckdb))")


def _temporary(source: Source) -> Iterator[InTemporary]:
    """``Path(gettempdir()) / "db.sqlite3"``, ``sqlite:////tmp/notes.db``."""
    for node in source.nodes:
        name = None
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            name = text(node.right) if _is_temporary(source, node.left) else None
        elif source.called(node) == "os.path.join" and isinstance(node, ast.Call) and node.args:
            name = text(node.args[-1]) if _is_temporary(source, node.args[0]) else None
        elif (there := _IN_TMP.fullmatch(text(node) or "")) is not None:
            name = there[1]
        if name and _NAMED.fullmatch(name):
            yield InTemporary(Evidence(source.path, getattr(node, "lineno", None)), name)


def _is_temporary(source: Source, node: ast.expr) -> bool:
    given = source.given.get(node.id, ()) if isinstance(node, ast.Name) else ()
    value = given[0][1] if given else node
    calls = (source.called(item) or "" for item in ast.walk(value))
    return any(name.rpartition(".")[2] == "gettempdir" for name in calls)


def _written(source: Source) -> Iterator[Fact]:
    for node in source.nodes:
        value = text(node)
        match = _SQLITE.fullmatch(value) if value else None
        if match and ":memory:" not in (match[1] or match[2]):
            yield _file(source, node, match[1] or match[2], URL)
    for call, name in source.calls():
        keyword, kind = _OPENS.get(name, ("", "file"))
        opened = argument(call, 0, keyword) if keyword else None
        path = _path(source, opened) if opened is not None else None
        if path:
            made = _file(source, call, path, f"{name}() in the code")
            yield replace(made, kind=kind)


_WRITES = re.compile(rb"open\([^\n]*['\"][wax]b?\+?['\"]|(?i:upload)\w*\s*(?::[^=\n]+)?=")
_UPLOADS = re.compile(
    r"(?i)(?:upload|uploads|uploaded|media)(?:_?(?:files?|images?))?_?"
    r"(?:folder|dir|directory|path|root)?"
)
_DATA = (".json", ".csv", ".txt", ".xlsx", ".pkl", ".pickle", ".yaml", ".yml", ".tsv", ".log")


def _folders(source: Source) -> Iterator[WritesTo]:
    """Folders for uploads, and what functions open to write, by paths that stand in the code."""
    for name, value, line in source.assignments:
        if _UPLOADS.fullmatch(name) and (path := _path(source, value)):
            yield WritesTo(Evidence(source.path, line), path, "directory", name, only_loaded=True)
    for call, name in source.calls():
        if name.rpartition(".")[2] != "open" or not call.args:
            continue
        mode = text(argument(call, 1, "mode")) or ""
        if not set(mode) & set("wax"):
            continue
        folder, file = _written_to(source, call.args[0])
        evidence = Evidence(source.path, call.lineno)
        if folder:
            yield WritesTo(
                evidence, folder, "directory", "files are written there", only_loaded=True
            )
        elif file and file.endswith(_DATA):
            yield WritesTo(evidence, file, "file", "the code writes it", only_loaded=True)


_SAVES = re.compile(rb"\.save\(\s*(?!\)|commit\b|update_fields\b|using\b|self\b|\*)")
_OWN_FILES = frozenset({"static", "templates", "assets", "public"})


def _saved(tree: Tree, source: Source) -> Iterator[WritesTo]:
    """The folder of what a form sent: ``sent.save(os.path.join(app.root_path, "pics", name))``."""
    for node in source.nodes:
        if not isinstance(node, ast.Call) or not node.args or len(node.args) > 2:
            continue
        if not isinstance(node.func, ast.Attribute) or node.func.attr != "save":
            continue
        path = node.args[0]
        given = source.given.get(path.id, ()) if isinstance(path, ast.Name) else ()
        folder = _folder_of(tree, source, given[-1][1] if given else path)
        if folder and folder.rpartition("/")[2] not in _OWN_FILES:
            evidence = Evidence(source.path, node.lineno)
            yield WritesTo(evidence, folder, "directory", "uploads are saved there", True)


def _folder_of(tree: Tree, source: Source, node: ast.expr) -> str | None:
    """The directory of a path whose last part is not written out."""
    if source.called(node) != "os.path.join" or not isinstance(node, ast.Call):
        return _written_to(source, node)[0]
    first, *rest = node.args or [ast.Constant("")]
    named = [text(item) for item in rest[:-1]]
    if not rest or text(rest[-1]) or None in named:
        return None
    if (source.dotted(first) or "").endswith(".root_path"):
        apps = (item.path for item in tree.mentioning(b"Flask(__name__") if not is_aside(item.path))
        base: str | None = f"/{parent(next(apps, source.path))}".removesuffix("/.")
    else:
        base = text(first) or _path(source, first)
    whole = "/".join(item.strip("/") for item in named if item)
    found = f"{base}/{whole}".rstrip("/") if base is not None else ""
    return found if found.strip("/") and ".." not in found else None


def _written_to(source: Source, node: ast.expr) -> tuple[str | None, str | None]:
    """The folder of ``f"out/{name}"``; the file of ``"data.json"``."""
    first: ast.expr | None = None
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        first = node.left
    elif source.called(node) == "os.path.join" and isinstance(node, ast.Call) and node.args:
        first = node.args[0] if len(node.args) == 2 else None
    whole = _path(source, node)
    if whole is not None:
        return None, whole
    start = text(first)
    if isinstance(node, ast.JoinedStr) and "/" not in (start or ""):
        return None, None
    if start is not None and isinstance(node, ast.JoinedStr):
        start = start.rpartition("/")[0]
    return (_path(source, ast.Constant(start)) if start else _path(source, first)), None


def _path(source: Source, node: ast.expr | None) -> str | None:
    """A path inside the project: from its root with a slash before it, else from where it runs."""
    try:
        found = str(reading.Reading(source).value(node))
    except reading.Unknown:
        return None
    own = found.startswith(f"{reading.ROOT}/")
    plain = found.removeprefix(reading.ROOT).removeprefix("./").rstrip("/")
    if (found.startswith("/") and not own) or ".." in plain:
        return None
    return plain if re.fullmatch(r"/?\w[\w./ -]*", plain) else None


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
        if name in _SOCKET_SERVERS:
            yield _memory(source, call, f"{name.rpartition('.')[2]}, whose sessions are its own")
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
