"""Flask: an app on module level, or a factory; a package or a file; ``FLASK_APP``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

from holdfast.config import Config
from holdfast.detect.facts import (
    AppHint,
    AppObject,
    Confidence,
    Evidence,
    Fact,
    Migrations,
    StartsServer,
)
from holdfast.detect.objects import Kind, find_objects
from holdfast.detect.source import Source
from holdfast.detect.tree import Tree, parent

FLASK = Kind("flask", "wsgi")

CLASSES = {
    "flask.Flask": FLASK,
    "flask.app.Flask": FLASK,
    "apiflask.APIFlask": FLASK,
    "flask_openapi3.OpenAPI": FLASK,
    "eve.Eve": FLASK,
}

_FLASK_APP = re.compile(r"^\s*(?:export\s+)?FLASK_APP\s*=\s*['\"]?([^'\"\s#]+)", re.MULTILINE)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    yield from find_objects(tree, CLASSES, b"Flask", b"flask_openapi3", b"Eve")
    yield from _dash(tree)
    yield from _named(tree)
    yield from _migrations(tree)
    yield from _runs_itself(tree)


_DASH = ("dash.Dash", "jupyter_dash.JupyterDash", "dash_extensions.enrich.DashProxy",
         "dash_extensions.enrich.Dash")  # fmt: skip


def _dash(tree: Tree) -> Iterator[Fact]:
    """Dash: its ``app`` can't be called; ``server = app.server`` is the Flask app below it.

    Without a name for its server it is ``app.server`` all the same.
    """
    objects: dict[str, set[str]] = {}
    for source in tree.mentioning(b"Dash("):
        made = {
            name: line for name, value, line in source.assignments if source.called(value) in _DASH
        }
        objects.setdefault(source.path.removesuffix(".py").rpartition("/")[2], set()).update(made)
        sure = Confidence.SURE if _laid_out(source, made) else Confidence.LIKELY
        whole = [(f"{name}.server", line) for name, line in made.items()]
        for name, line in [*_servers(source, made)] or whole:
            evidence, by = Evidence(source.path, line), "dash.Dash"
            yield AppObject(evidence, "flask", "wsgi", name, made_by=by, confidence=sure)
    yield from _laid_out_elsewhere(tree, objects)


def _servers(source: Source, made: Iterable[str]) -> Iterator[tuple[str, int]]:
    """``server = app.server``, whatever its name is."""
    for name, value, line in source.assignments:
        if isinstance(value, ast.Attribute) and value.attr == "server":
            if source.dotted(value.value) in {source.imports.get(item, item) for item in made}:
                yield name, line


def _laid_out(source: Source, made: Iterable[str]) -> int:
    """The line of ``app.layout = ...`` on import; 0: it is nowhere, or Dash finds pages itself."""
    for node in source.statements:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Attribute) and target.attr == "layout":
            if getattr(target.value, "id", "") in made:
                return node.lineno
    return 0


def _laid_out_elsewhere(tree: Tree, objects: Mapping[str, set[str]]) -> Iterator[AppObject]:
    """``from app import app`` and ``app.layout = ...`` in ``index.py``: only there it is whole."""
    for source in tree.mentioning(b".layout"):
        local = [
            name
            for name, origin in source.imports.items()
            if name
            and origin.rpartition(".")[2]
            in objects.get(origin.rpartition(".")[0].rpartition(".")[2], ())
        ]
        line = _laid_out(source, local)
        if line:
            given = "server" if "server" in source.imports else f"{local[0]}.server"
            name = next((name for name, _ in _servers(source, local)), given)
            yield AppObject(Evidence(source.path, line), "flask", "wsgi", name, made_by="dash.Dash")


def _named(tree: Tree) -> Iterator[Fact]:
    """``.flaskenv`` and ``.env`` hold development values, but the name is the name."""
    for name in (".flaskenv", ".env"):
        if tree.has(name):
            text = tree.text(name)
            for match in _FLASK_APP.finditer(text):
                line = text.count("\n", 0, match.start(1)) + 1
                yield AppHint(Evidence(name, line), match[1], "FLASK_APP")


def _migrations(tree: Tree) -> Iterator[Fact]:
    """Flask-Migrate: the code calls it and ``migrations/env.py`` is there."""
    for source in tree.mentioning(b"flask_migrate"):
        for _, name in source.calls():
            if name in ("flask_migrate.Migrate", "flask_migrate.Migrate.init_app"):
                for path in tree.named("alembic.ini"):
                    if tree.has(f"{parent(path)}/env.py"):
                        yield Migrations(Evidence(path), "flask-migrate", parent(path))
                return


def _runs_itself(tree: Tree) -> Iterator[Fact]:
    """``app.run()`` outside of ``if __name__ == "__main__"``: importing it never returns."""
    for source in tree.mentioning(b".run("):
        names = {name for name, value, _ in source.assignments if source.called(value) in CLASSES}
        for statement in source.statements:
            call = source.called(getattr(statement, "value", None))
            if call is not None and call.endswith(".run") and call[:-4] in names:
                yield StartsServer(Evidence(source.path, statement.lineno), call)
