"""A health path that the code itself defines."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import Evidence, Fact, HealthRoute
from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree

KNOWN = ("/healthz", "/health", "/up", "/livez", "/readyz", "/health-check", "/healthcheck",
         "/_health", "/ping", "/-/health", "/api/health", "/api/healthz", "/ht",
         "/_dash-layout")  # fmt: skip
"""Health paths people use, the best first: Kubernetes', Rails', django-health-check's; Dash's own,
whose front page is a shell that says 200 whatever the layout does."""

_ROUTES = ("route", "get", "api_route", "Route", "add_url_rule", "add_route", "path", "get_route")
_WORDS = tuple(sorted({path.strip("/").rpartition("/")[2].encode() for path in KNOWN}))
_NEEDLES = (b"health", b"livez", b"readyz", b"ping", b"/up", b"/ht", b'"up', b'"ht', b"'up", b"'ht")
"""A word of the known paths as code has it; to look for bytes is faster than the pattern."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    pattern = re.compile(rb"[\"'][\^/]?(?:api/|-/|_)?(?:" + b"|".join(_WORDS) + rb")/?\$?[\"']")
    for path, data in tree.holding(*_NEEDLES):
        if pattern.search(data) and not is_for_tests(path):
            source = tree.source(path)
            if source is not None:
                yield from _routes(source)


def _routes(source: Source) -> Iterator[HealthRoute]:
    """``@app.get("/healthz")``, ``Route("/healthz", …)``, Django's ``path("healthz/", …)``."""
    for call, name in source.calls():
        last = name.rpartition(".")[2]
        if last not in _ROUTES:
            continue
        written = text(argument(call, 0, "path")) or text(argument(call, 0, "rule"))
        if written is None or (name.startswith("os.") or "requests" in name):
            continue
        if not _takes_get(call):
            continue
        is_django = name.startswith("django.")
        path = f"/{written}" if is_django and not written.startswith("/") else written
        if path.rstrip("/") in KNOWN:
            yield HealthRoute(Evidence(source.path, call.lineno), path)


def _takes_get(call: ast.Call) -> bool:
    """Whether a route takes GET, as far as its methods are spelt out: ``methods=["POST"]``.

    A health check that is answered 405 tells nothing of the app.
    """
    for keyword in call.keywords:
        if keyword.arg not in ("methods", "method"):  # the latter is Bottle's
            continue
        value = keyword.value
        named = value.elts if isinstance(value, ast.List | ast.Tuple | ast.Set) else [value]
        methods = [text(item) for item in named]
        if None not in methods:
            return any(method in ("GET", "ANY") for method in map(str.upper, filter(None, methods)))
    return True
