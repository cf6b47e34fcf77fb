"""Files of a platform of functions: ``api/*.py``, each with a class ``handler`` (Vercel).

There a request for ``/api/time`` is answered by the ``handler`` of ``api/time.py``, and other paths
by the files that lie in ``public``. A small server does the same here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import Confidence, Evidence, Fact, ToolApp
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree

TOOL = "vercel"
_BASE = "http.server.BaseHTTPRequestHandler"

LAUNCHER = '''"""Written by Holdfast: answers /api/NAME with the class handler of api/NAME.py."""

import importlib.util
import os
import sys
import threading
import time
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from socket import MSG_PEEK
from urllib.parse import unquote

ROOT = os.getcwd()
API = os.path.join(ROOT, "api")
PUBLIC = os.path.join(ROOT, "public")
_loaded, _lock = {}, threading.Lock()
sys.path.insert(0, ROOT)


class Missing(BaseHTTPRequestHandler):
    def handle_one_request(self):
        self.raw_requestline = self.rfile.readline(65537)
        if self.raw_requestline and self.parse_request():
            self.send_error(404)
        self.close_connection = True


def _class(file):
    """The handler of a file, loaded once; each request has a connection of its own."""
    with _lock:
        if file not in _loaded:
            name = "api_" + str(len(_loaded))
            spec = importlib.util.spec_from_file_location(name, file)
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            spec.loader.exec_module(module)
            _loaded[file] = type("handler", (module.handler,), {"protocol_version": "HTTP/1.0"})
        return _loaded[file]


def _file(path):
    """The file that answers a path, if there is one."""
    parts = [part for part in path.split("/") if part not in ("", ".", "..")]
    tried = []
    if parts[:1] == ["api"]:
        tried = ["/".join(parts[1:]) + ".py", "/".join([*parts[1:], "index.py"])]
    for name in (*tried, "index.py"):
        file = os.path.join(API, name)
        if os.path.isfile(file):
            return file
    return None


def _chosen(path):
    plain = unquote(path.partition("?")[0]).lstrip("/")
    static = os.path.normpath(os.path.join(PUBLIC, plain or "index.html"))
    if static.startswith(PUBLIC + os.sep) and os.path.isfile(static):
        return partial(SimpleHTTPRequestHandler, directory=PUBLIC)
    file = _file("/" + plain)
    return _class(file) if file else Missing


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def finish_request(self, request, client_address):
        request.settimeout(30)
        line, until = b"", time.monotonic() + 30
        while b"\\n" not in line:
            line = request.recv(65536, MSG_PEEK)
            if not line or len(line) == 65536 or time.monotonic() > until:
                return
            time.sleep(0 if b"\\n" in line else 0.005)
        request.settimeout(None)
        words = line.split(b"\\n", 1)[0].split()
        path = words[1].decode("latin-1") if len(words) > 1 else "/"
        _chosen(path)(request, client_address, self)


for first in sys.argv[1:]:
    _class(os.path.join(ROOT, first))  # what cannot be loaded is known before visitors come
Server(("127.0.0.1", int(os.environ["PORT"])), Missing).serve_forever()
'''


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """One fact for the topmost of them, ``index.py`` first."""
    found: list[tuple[int, bool, str, int]] = []
    for source in tree.mentioning(b"class handler"):
        line = _handler(source)
        if line is not None and source.path.startswith("api/"):
            path = source.path
            found.append((path.count("/"), not path.endswith("/index.py"), path, line))
    if found:
        _, _, path, line = min(found)
        yield ToolApp(
            Evidence(path, line), TOOL, confidence=Confidence.GUESS, last=True, directory="."
        )


def _handler(source: Source) -> int | None:
    """Where the class stands."""
    for node in source.statements:
        if isinstance(node, ast.ClassDef) and node.name == "handler":
            if any(source.dotted(base) == _BASE for base in node.bases):
                return node.lineno
    return None
