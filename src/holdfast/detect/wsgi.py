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
        "masonite.foundation.Application",
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
        tree, CLASSES, b"falcon", b"bottle", b"morepath", b"connexion", b"socketio", b"masonite"
    )
    for source in tree.mentioning(b"start_response", b"start_resp"):
        for function in source.functions:
            if _names(function) in _ENVIRON:
                said = f"def {function.name}(environ, start_response)"
                yield _plain(source, function.name, function.lineno, said)
        yield from _of_classes(source)
    yield from _modules(tree)
    yield from _functions(tree)
    yield from _web_py(tree)
    yield from _made_by_own(tree)


_ENTRIES = ("wsgi.py", "app.py", "application.py", "main.py", "passenger_wsgi.py")


def _made_by_own(tree: Tree) -> Iterator[AppObject]:
    """``application = main(...)`` where ``main`` is the project's own, whatever it makes.

    The name is WSGI's own; the object is asked what it speaks.
    """
    for path in tree.named(*_ENTRIES):
        source = tree.source(path) if b"application" in tree.read(path) else None
        for name, value, line in source.assignments if source else ():
            made = source.called(value) if source and name == "application" else None
            module = (made or "").strip(".").rpartition(".")[0].replace(".", "/")
            if made and module and (tree.has(f"{module}.py") or tree.has(f"{module}/__init__.py")):
                evidence = Evidence(path, line)
                guess = Confidence.GUESS
                yield AppObject(evidence, "wsgi", "wsgi", name, made_by=made, confidence=guess)


def _web_py(tree: Tree) -> Iterator[AppObject]:
    """``app = web.application(urls, globals())``: a method of it makes the WSGI app."""
    for source in tree.mentioning(b"web.application"):
        for name, value, line in source.assignments:
            if source.called(value) == "web.application":
                evidence, made = Evidence(source.path, line), f"{name}.wsgifunc"
                yield AppObject(evidence, "wsgi", "wsgi", made, factory=True, made_by=made)


_FUNCTION = '''"""Written by Holdfast: a function, as functions-framework serves it."""

import functions_framework

application = functions_framework.create_app({name!r}, {file!r})
'''


def _functions(tree: Tree) -> Iterator[AppObject]:
    """``@functions_framework.http``: the first such function of ``main.py``."""
    for source in tree.mentioning(b"functions_framework"):
        for function in source.functions:
            made = [source.dotted(item) for item in function.decorator_list]
            if "functions_framework.http" in made:
                entry = _FUNCTION.format(name=function.name, file=source.path.rpartition("/")[2])
                evidence = Evidence(source.path, function.lineno)
                yield AppObject(
                    evidence,
                    "wsgi",
                    "wsgi",
                    "application",
                    made_by="functions-framework",
                    entry=entry,
                )
                break


def _modules(tree: Tree) -> Iterator[AppObject]:
    """Mesop's module is the app itself, for files with pages of its: ``gunicorn main:me``."""
    for source in tree.mentioning(b"mesop"):
        names = [name for name, origin in source.imports.items() if origin == "mesop"]
        if names and any(name == "mesop.page" for _, name in source.calls()):
            made = "import mesop"
            yield AppObject(Evidence(source.path), "wsgi", "wsgi", names[0], made_by=made)


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
