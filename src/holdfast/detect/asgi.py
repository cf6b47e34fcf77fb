"""ASGI apps: Starlette, FastAPI, Quart, Litestar, and a plain callable; WebSockets."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Literal

from holdfast.config import Config
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import (
    AppHint,
    AppObject,
    Confidence,
    Evidence,
    Fact,
    StreamsAnswers,
)
from holdfast.detect.objects import Kind, find_objects
from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree

ASGI = Kind("asgi", "asgi")

CLASSES = dict.fromkeys(
    (
        "starlette.applications.Starlette",
        "fastapi.FastAPI",
        "fastapi.applications.FastAPI",
        "quart.Quart",
        "quart_trio.QuartTrio",
        "litestar.Litestar",
        "litestar.app.Litestar",
        "blacksheep.Application",
        "falcon.asgi.App",
        "socketio.ASGIApp",
        "asgiref.wsgi.WsgiToAsgi",
        "connexion.AsyncApp",
        "emmett.App",
        "esmerald.Esmerald",
        "sanic.Sanic",
        "sanic.app.Sanic",
        "fasthtml.FastHTML",
        "fasthtml.common.FastHTML",
        "fasthtml.fast_app",
        "fasthtml.common.fast_app",
    ),
    ASGI,
)
"""What is called to make an ASGI app."""

_WORDS = (b"tarlette", b"FastAPI", b"uart", b"itestar", b"blacksheep", b"falcon.asgi",
          b"ASGIApp", b"WsgiToAsgi", b"AsyncApp", b"Esmerald", b"emmett", b"Sanic", b"FastHTML",
          b"fast_app")  # fmt: skip
_SCOPE = ("scope", "receive", "send")


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    yield from find_objects(tree, CLASSES, *_WORDS)
    for source in tree.mentioning(b"receive"):
        yield from _callables(source)
    yield from _entry_point(tree)
    yield from _run_by_name(tree)
    yield from _streams(tree)


def _callables(source: Source) -> Iterator[Fact]:
    """``async def app(scope, receive, send)``, or an object of a class called so."""
    callers = {
        node.name
        for node in source.nodes
        if isinstance(node, ast.ClassDef) and any(map(_takes_scope, _methods(node)))
    }
    for function in source.functions:
        if isinstance(function, ast.AsyncFunctionDef) and _names(function) == _SCOPE:
            yield _plain(source, function.name, function.lineno, function.name)
    for name, value, line in source.assignments:
        made_by = source.called(value)
        if made_by in callers and made_by is not None:
            yield _plain(source, name, line, made_by)


def _plain(source: Source, name: str, line: int, made_by: str) -> AppObject:
    return AppObject(
        Evidence(source.path, line),
        "asgi",
        "asgi",
        name,
        made_by=made_by,
        confidence=Confidence.LIKELY if name in ("app", "application") else Confidence.GUESS,
    )


def _methods(node: ast.ClassDef) -> Iterator[ast.AsyncFunctionDef]:
    yield from (item for item in node.body if isinstance(item, ast.AsyncFunctionDef))


def _takes_scope(method: ast.AsyncFunctionDef) -> bool:
    return method.name == "__call__" and _names(method)[1:] == _SCOPE


def _names(function: ast.AsyncFunctionDef) -> tuple[str, ...]:
    return tuple(item.arg for item in function.args.args)


_ENTRY = re.compile(r"^\s*entrypoint\s*=\s*[\"']([\w.]+:\w+)[\"']", re.MULTILINE)


def _entry_point(tree: Tree) -> Iterator[Fact]:
    """``[tool.fastapi] entrypoint = "main:app"``, which FastAPI's own command reads."""
    text = tree.text("pyproject.toml")
    start = text.find("[tool.fastapi]")
    match = _ENTRY.search(text, start) if start >= 0 else None
    if match:
        line = text.count("\n", 0, match.start(1)) + 1
        yield AppHint(Evidence("pyproject.toml", line), match[1], "[tool.fastapi] entrypoint")


def _run_by_name(tree: Tree) -> Iterator[Fact]:
    """``uvicorn.run("service.api:app")`` names the app, and from where it is imported."""
    for source in tree.mentioning(b"uvicorn"):
        for call, name in source.calls() if not is_aside(source.path) else ():
            target = text(argument(call, 0, "app")) if name == "uvicorn.run" else None
            if target and ":" in target:
                yield AppHint(Evidence(source.path, call.lineno), target, source.path)


_STREAMS: dict[Literal["websocket", "event stream"], tuple[bytes, ...]] = {
    "websocket": (b"WebSocket", b".websocket(", b"sock.route", b"socketio.", b"WebsocketConsumer"),
    "event stream": (b"EventSourceResponse", b"text/event-stream", b"ServerSentEvent"),
}


def _streams(tree: Tree) -> Iterator[Fact]:
    for what, words in _STREAMS.items():
        for path, data in tree.holding(*words):
            start = min(data.find(word) for word in words if word in data)
            line = data.count(b"\n", 0, start) + 1
            yield StreamsAnswers(Evidence(path, line), what, confidence=Confidence.LIKELY)
