"""Which protocol an object speaks: by its signature; where that says nothing, by calling it."""

from __future__ import annotations

import inspect
import io
from typing import Any


def speaks(app: Any) -> str | None:
    """``asgi``, ``wsgi``, or nothing a server could call."""
    if not callable(app) or inspect.isclass(app):
        return None
    called = app if inspect.isroutine(app) else type(app).__call__
    try:
        taken = list(inspect.signature(app, follow_wrapped=False).parameters.values())
    except (TypeError, ValueError):
        taken = []
    names = {item.name for item in taken}
    needed = [
        item
        for item in taken
        if item.default is item.empty
        and item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
    ]
    if "start_response" in names:
        return "wsgi"
    if inspect.iscoroutinefunction(called) or "receive" in names:
        open_ended = any(item.kind is item.VAR_POSITIONAL for item in taken)
        return "asgi" if len(needed) == 3 or open_ended else None
    if names & {"scope"} and len(needed) == 1:
        return "asgi"  # ASGI 2: a callable of the scope gives a coroutine function
    return by_calling(app)


def by_calling(app: Any) -> str | None:
    """One GET of the front page, as either protocol has it."""
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1), "server": ("localhost", 80),
    }  # fmt: skip
    try:
        result = app(scope, receive, send)
        if inspect.isawaitable(result):
            getattr(result, "close", lambda: None)()
            return "asgi"
    except Exception:  # noqa: S110  (then it is no ASGI app)
        pass
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/", "SCRIPT_NAME": "", "QUERY_STRING": "",
        "SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(), "wsgi.multithread": True, "wsgi.multiprocess": False,
        "wsgi.run_once": False, "HTTP_HOST": "localhost",
    }  # fmt: skip
    started: list[str] = []
    try:
        app(environ, lambda status, headers, error=None: started.append(status))
    except Exception:
        return "wsgi" if started else None
    return "wsgi" if started else None


async def receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Any) -> None:
    return None
