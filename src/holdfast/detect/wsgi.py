"""WSGI apps of other frameworks, and a plain ``def application(environ, start_response)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import AppObject, Confidence, Evidence, Fact
from holdfast.detect.objects import Kind, find_objects
from holdfast.detect.source import Function, Source, called_within
from holdfast.detect.tree import Tree

WSGI = Kind("wsgi", "wsgi")

CLASSES = dict.fromkeys(
    (
        "falcon.App",
        "falcon.API",
        "bottle.Bottle",
        "bottle.default_app",
        "pyramid.config.Configurator.make_wsgi_app",
        "morepath.App",
        "connexion.FlaskApp",
        "connexion.App",
        "socketio.WSGIApp",
        "socketio.Middleware",
    ),
    WSGI,
)
"""What is called to make a WSGI app."""

_ENVIRON = (("environ", "start_response"), ("env", "start_response"), ("environ", "start"),
            ("environ", "start_resp"), ("env", "start_resp"))  # fmt: skip


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    yield from find_objects(
        tree, CLASSES, b"falcon", b"bottle", b"morepath", b"connexion", b"socketio"
    )
    for source in tree.mentioning(b"start_response", b"start_resp"):
        for function in source.functions:
            if _names(function) in _ENVIRON:
                said = f"def {function.name}(environ, start_response)"
                yield _plain(source, function.name, function.lineno, said)
        yield from _of_classes(source)


def _of_classes(source: Source) -> Iterator[AppObject]:
    """``app = Site()`` of a class with ``__call__(self, environ, start_response)``.

    Also inside a call that wraps it: ``app = wrap_wsgi_app(Site())``.
    """
    callers = {
        node.name
        for node in source.nodes
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name == "__call__"
        if _names(method)[1:] in _ENVIRON
    }
    for name, value, line in source.assignments:
        made = next((item for item in called_within(source, value) if item in callers), None)
        if made is not None:
            yield _plain(source, name, line, made)


def _names(function: Function) -> tuple[str, ...]:
    return tuple(item.arg for item in function.args.args)


def _plain(source: Source, name: str, line: int, made_by: str) -> AppObject:
    return AppObject(
        Evidence(source.path, line),
        "wsgi",
        "wsgi",
        name,
        made_by=made_by,
        confidence=_confidence(name),
    )


def _confidence(name: str) -> Confidence:
    return Confidence.LIKELY if name in ("app", "application") else Confidence.GUESS
