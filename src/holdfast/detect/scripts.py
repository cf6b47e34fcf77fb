"""Scripts that start a server of their own: aiohttp, Tornado, CherryPy, Bottle, plain Python.

No server can be given their app: the script is run as its author runs it, and made to listen where
the edge looks. It is the last thing that is tried, where no app was found that a server takes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from holdfast.config import Config
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import Confidence, Evidence, Fact, ToolApp
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree, parent

CALLS = {
    "aiohttp.web.run_app": "aiohttp",
    "nicegui.ui.run": "nicegui",
    "cherrypy.quickstart": "cherrypy",
    "cherrypy.engine.start": "cherrypy",
    "bottle.run": "bottle",
    "pywebio.start_server": "pywebio",
    "pywebio.platform.tornado.start_server": "pywebio",
    "uvicorn.run": "uvicorn",
    "waitress.serve": "waitress",
    "werkzeug.serving.run_simple": "werkzeug",
    "http.server.HTTPServer": "http.server",
    "http.server.ThreadingHTTPServer": "http.server",
    "wsgiref.simple_server.make_server": "wsgiref.simple_server",
}
"""What a script calls to serve, and the module that it is of."""

_APPS = {
    "flask.Flask": "flask",
    "flask.app.Flask": "flask",
    "apiflask.APIFlask": "flask",
    "connexion.App": "connexion",
    "connexion.FlaskApp": "connexion",
    "connexion.AsyncApp": "connexion",
}
"""What is made in a function and run there, where no server can be given it."""

_TORNADO = "listen"
_NAMES = ("main.py", "app.py", "server.py", "run.py", "application.py", "web.py", "__main__.py")

LAUNCHER = '''"""Written by Holdfast: a script that serves by itself, listening where it is told."""

import os
import runpy
import socket
import sys

HOST, PORT = "127.0.0.1", int(os.environ["PORT"])
_bind = socket.socket.bind
_told = []


def _bound(self, address):
    """The first port that is asked for, and no other, is the one that visitors come to."""
    asked = isinstance(address, tuple) and len(address) > 1 and address[1]
    if asked and self.type == socket.SOCK_STREAM and (not _told or _told[0] == address[1]):
        _told[:] = [address[1]]
        six = self.family == socket.AF_INET6
        address = ("::1", PORT, 0, 0) if six else (HOST, PORT)
    return _bind(self, address)


def _changed(module, name, **changes):
    """Have a function called with these arguments, whatever it is given."""
    try:
        owner = __import__(module, fromlist=[name])
        theirs = getattr(owner, name)
    except (ImportError, AttributeError):
        return
    setattr(owner, name, lambda *args, **given: theirs(*args, **{**given, **changes}))


socket.socket.bind = _bound
sys.argv = sys.argv[1:]
_folder, _name = os.path.split(sys.argv[0])
_package = _name == "__main__.py" and _folder and _folder.replace(os.sep, ".")
sys.path.insert(0, os.getcwd() if _package else os.path.abspath(_folder))
PRELUDE
if _package:
    runpy.run_module(_package, run_name="__main__", alter_sys=True)
else:
    runpy.run_path(sys.argv[0], run_name="__main__")
'''
_UVICORN = '_changed("uvicorn", "run", host=HOST, port=PORT, reload=False, workers=None)'
_FLASK = """\
import flask
import waitress


def _run(self, *args, **given):
    trusted = "x-forwarded-for x-forwarded-proto x-forwarded-host"
    waitress.serve(
        self, host=HOST, port=PORT, threads=8, trusted_proxy=HOST, trusted_proxy_headers=trusted
    )


flask.Flask.run = _run"""
_PRELUDES = {
    "nicegui": '_changed("nicegui.ui", "run", host=HOST, port=PORT, reload=False, show=False)',
    "uvicorn": _UVICORN,
    "bottle": '_changed("bottle", "run", server="waitress", host=HOST, port=PORT, reloader=False)',
    "aiohttp": '_changed("aiohttp.web", "run_app", host=HOST, port=PORT, path=None, sock=None)',
    "flask": _FLASK,
    "connexion": f"{_FLASK}\n{_UVICORN}",
    "werkzeug": '_changed("werkzeug.serving", "run_simple", use_reloader=False)',
    "taipy": """\
from taipy.gui import Gui

_run = Gui.run
_ours = {"host": HOST, "port": PORT, "debug": False, "use_reloader": False, "run_browser": False}
Gui.run = lambda self, *args, **given: _run(self, *args, **{**given, **_ours})""",
    "cherrypy": """\
import cherrypy

_start = cherrypy.engine.start


def _started():
    cherrypy.server.socket_host, cherrypy.server.socket_port = HOST, PORT
    _start()


cherrypy.engine.start = _started""",
}
"""What has to be changed besides, before the script is run."""


def launcher(tool: str) -> str:
    """The module that starts a script of that kind."""
    return LAUNCHER.replace("PRELUDE\n", f"{_PRELUDES.get(tool, '')}\n")


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """The topmost script that starts a server when it is run."""
    found: list[tuple[int, int, str, int, str]] = []
    words = (b"run_app", b"quickstart", b"engine.start", b".run(", b"run(", b"serve(", b".listen(")
    for source in tree.mentioning(*words, b"HTTPServer", b"_server"):
        if is_aside(source.path):
            continue
        for call, tool in _starts(source):
            name = source.path.rpartition("/")[2]
            rank = _NAMES.index(name) if name in _NAMES else len(_NAMES)
            found.append((source.path.count("/"), rank, source.path, call.lineno, tool))
    if found:
        _, _, path, line, tool = min(found)
        folder = parent(path)
        package = path.endswith("/__main__.py") and tree.has(f"{folder}/__init__.py")
        yield ToolApp(
            Evidence(path, line),
            tool,
            confidence=Confidence.GUESS,
            last=True,
            directory=parent(folder) if package else "",  # python -m is told from above it
        )


def on_import(tree: Tree) -> frozenset[str]:
    """Files that start a server when they are imported: none of their apps can be taken out."""
    return frozenset(
        source.path
        for source in tree.mentioning(*(f".{name}".encode() for name in _BLOCKING), b"serve(")
        for node in source.statements
        if isinstance(node, ast.Expr) and source.called(node.value) in CALLS
    )


_BLOCKING = ("run(", "serve(", "run_app(", "run_simple(", "quickstart(")


def _starts(source: Source) -> Iterator[tuple[ast.Call, str]]:
    modules = {module.partition(".")[0] for module in source.imported_modules}
    if "taipy" in modules:  # Gui(page).run(), tp.run(gui): nothing else there is run
        yield from ((node, "taipy") for node in source.nodes if _is_run(node))
        return
    for call, name in source.calls():
        if (tool := CALLS.get(name) or _starred(source, name)) is not None:
            yield call, tool
        elif name.endswith(".run") and name.removesuffix(".run") in (made := _made(source)):
            yield call, made[name.removesuffix(".run")]
        elif name.rpartition(".")[2] == _TORNADO and "tornado" in modules and call.args:
            yield call, "tornado"


def _made(source: Source) -> dict[str, str]:
    """What is given an app anywhere in the file, in a function too (``app``, ``self.app``)."""
    given = [node for node in source.nodes if isinstance(node, ast.Assign)]
    found = ((node, _APPS.get(source.called(node.value) or "")) for node in given)
    return {ast.unparse(target): tool for node, tool in found if tool for target in node.targets}


def _is_run(node: ast.AST) -> TypeGuard[ast.Call]:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "run"


def _starred(source: Source, name: str) -> str | None:
    """``from bottle import *``, then ``run()``."""
    return next((CALLS.get(f"{module}.{name}") for module in source.stars
                 if f"{module}.{name}" in CALLS), None)  # fmt: skip
