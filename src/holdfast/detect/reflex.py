"""Reflex: its own command builds a front end of Node's, and an ASGI app is its back end.

The front end is made once, when the release is built; a module beside the release serves both as
one app, which any ASGI server can be given. Its own command would run two servers, and build at
every start.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect.facts import AppObject, Evidence, Fact, NeedsPart, ReflexApp
from holdfast.detect.source import argument, text
from holdfast.detect.tree import Tree, join, parent
from holdfast.distribution import parts

SERVER = ("uvicorn", "websockets")
"""In whichever versions the Reflex at hand goes with; some bring uvicorn, and some granian."""

_CONFIG = "rxconfig.py"
_SET = {
    "__REFLEX_SKIP_COMPILE": "true",
    "REFLEX_ENV_MODE": "prod",
    "REFLEX_TELEMETRY_ENABLED": "0",
}

_SITE = '''"""Written by Holdfast: a Reflex app and the front end that its build made, as one."""

import os
from importlib import import_module
from pathlib import Path

os.environ.update({settings!r})

from starlette.responses import FileResponse

_module = import_module({module!r})
_backend = _module.{attribute}()
_places = [Path(".web", *names).absolute() for names in (("build", "client"), ("_static",))]
_OWN = ("/_", "/api", "/ping", "/auth-codespace")


def _file(path):
    """The file of the front end for a path, or its page for what only the browser knows."""
    place = next((item for item in _places if item.is_dir()), None)
    name = path.strip("/")
    for item in (name, name + ".html", name + "/index.html", "404.html") if place else ():
        found = (place / item.lstrip("/")).resolve()
        if found.is_file() and found.is_relative_to(place.resolve()):
            return found, 404 if item == "404.html" and name else 200
    return None, 404


class Site:
    routes = getattr(_backend, "routes", [])

    async def __call__(self, scope, receive, send):
        asked = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
        found = None
        if asked and not scope["path"].startswith(_OWN):
            found, status = _file(scope["path"])
        if found is None:
            await _backend(scope, receive, send)
        else:
            await FileResponse(found, status_code=status)(scope, receive, send)


application = Site()
'''


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """``rxconfig.py``, which names the app: ``shop`` is ``app`` in ``shop/shop.py``."""
    for path in tree.named(_CONFIG)[:1]:
        source = tree.source(path)
        for call, called in source.calls() if source else ():
            name = text(argument(call, 0, "app_name"))
            if not called.endswith("Config") or not name:
                continue
            module = text(argument(call, 9, "app_module_import")) or f"{name}.{name}"
            evidence = Evidence(path, call.lineno)
            if tree.has(join(parent(path), f"{module.replace('.', '/')}.py")):
                entry = _SITE.format(settings=_SET, module=module, attribute="app")
                yield AppObject(
                    evidence, "asgi", "asgi", "application", made_by="Reflex", entry=entry
                )
                yield ReflexApp(evidence)
                yield NeedsPart(evidence, f"{evidence} is Reflex, whose build", (NPM,))
            return


NPM = parts.program("npm")


def build(fact: ReflexApp) -> tuple[str, Finding]:
    """The command that makes the front end, with npm: Reflex would fetch another program.

    ``localhost`` stands in it for whichever host a visitor has asked for, by HTTPS, or by HTTP at
    its usual port (Reflex's ``getBackendURL``).
    """
    folder = parent(fact.evidence.file)
    enter = "" if folder == "." else f"cd {shlex.quote(folder)} && "
    command = (
        f"{enter}env REFLEX_USE_NPM=true REFLEX_TELEMETRY_ENABLED=0 API_URL=http://localhost"
        " REFLEX_API_URL=http://localhost reflex export --frontend-only --no-zip"
        " && rm -rf .web/node_modules"
    )
    return command, Finding("build", command, f"{fact.evidence}: Reflex's front end is made once")
