"""Ask an ASGI app: is it one, and which directories does it serve as static files?"""

from __future__ import annotations

from typing import Any

from holdfast.detect.asks.common import (
    NotThis,
    engines,
    first,
    place,
    rules,
    statics,
)
from holdfast.detect.asks.speaking import speaks


def ask(given: Any) -> dict[str, Any]:
    return first(given, examine)


def examine(app: Any, candidate: Any) -> dict[str, Any]:
    spoken = speaks(app)
    if spoken is None:
        raise NotThis("%r cannot be called with (scope, receive, send)" % app)
    answer: dict[str, Any] = dict(engines(), interface=spoken)
    if hasattr(app, "url_map") and hasattr(app, "blueprints"):  # Quart
        answer.update(static=statics(app), routes=rules(app))
    else:
        answer.update(static=mounts(app, ""), routes=sorted(paths(app, candidate["health"])))
    return answer


def routes_of(app: Any) -> list[Any]:
    for _ in range(20):  # middleware wraps the app it was given
        if isinstance(getattr(app, "routes", None), (list, tuple)):
            return list(app.routes)
        app = getattr(app, "app", None) or getattr(app, "_app", None)
        if app is None:
            break
    return []


def mounts(app: Any, prefix: str) -> list[Any]:
    """Starlette's ``Mount("/static", StaticFiles(directory="static"))``: URL, directory."""
    found = []
    for route in routes_of(app):
        mounted = getattr(route, "app", None)
        path = getattr(route, "path", None)
        if mounted is None or path is None or not hasattr(route, "routes"):
            continue
        directory = getattr(mounted, "directory", None)
        if type(mounted).__name__ == "StaticFiles" and directory and not mounted.html:
            found.append([prefix + path, place(directory)])
        elif hasattr(mounted, "routes"):
            found += mounts(mounted, prefix + path)
    return found


def paths(app: Any, wanted: Any) -> set[str]:
    """The paths that the app lists, and those of ``wanted`` that one of its routes matches."""
    found = set()
    for route in routes_of(app):
        methods = getattr(route, "methods", None)
        path = getattr(route, "path", None)
        if isinstance(path, str) and methods and "GET" in methods and "{" not in path:
            found.add(path)
        elif path is None and hasattr(route, "matches"):
            found.update(path for path in wanted if matched(route, path))
    return found


def matched(route: Any, path: str) -> bool:
    """Whether a router inside (FastAPI's included ones) answers a path without arguments."""
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": []}
    match, child = route.matches(scope)
    return match.name == "FULL" and not child.get("path_params")
