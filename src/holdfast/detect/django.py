"""Django: a project with ``manage.py``, in the root or below it, or one file."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect import settings_named
from holdfast.detect.facts import Confidence, DjangoProject, Evidence, Fact
from holdfast.detect.source import Source, called_within, text
from holdfast.detect.tree import Tree, join, parent

VARIABLE = settings_named.VARIABLE

_IN_TOML = re.compile(
    rf"^\s*(?:{VARIABLE}|django_settings_module)\s*=\s*[\"']([\w.]+)[\"']", re.MULTILINE
)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    found = [*_projects(tree), *_single_files(tree)]
    yield from found
    if not found:
        yield from _without_manage(tree)


def _projects(tree: Tree) -> Iterator[DjangoProject]:
    """Every ``manage.py`` that names or needs a settings module."""
    for path in tree.named("manage.py"):
        source = tree.source(path)
        if source is None or b"django" not in tree.read(path):
            continue
        named = settings_named.named(tree, source)
        settings, line = named or _settings_elsewhere(tree, parent(path))
        if settings is not None:
            yield _project(tree, path, settings, line)


def _project(tree: Tree, manage: str, settings: str, line: int | None) -> DjangoProject:
    """The project around a ``manage.py``; its wsgi.py lies beside the settings or above."""
    base = parent(manage)
    package = settings.split(".")
    wsgi = asgi = None
    for depth in range(len(package) - 1, -1, -1):
        directory = join(base, "/".join(package[:depth]) or ".")
        wsgi = wsgi or _existing(tree, join(directory, "wsgi.py"), b"get_wsgi_application")
        asgi = asgi or _existing(tree, join(directory, "asgi.py"), b"get_asgi_application")
    made_by = [source for source in map(tree.source, filter(None, (wsgi, asgi))) if source]
    named = next(filter(None, (settings_named.named(tree, source) for source in made_by)), None)
    forces = any(map(_forces_settings, made_by))
    told = settings_named.elsewhere(tree, base) if not forces else None
    if told is not None:
        settings, evidence = told
    elif named is not None:  # manage.py is a developer's; wsgi.py is what a server imports
        settings, evidence = named[0], Evidence(made_by[0].path, named[1])
    else:
        evidence = Evidence(manage, line)
    chosen = settings_named.beside(tree, base, settings)
    sure = chosen == settings and (named or told)
    where = evidence if sure else Evidence(manage, line)
    return DjangoProject(where, chosen, manage, wsgi, asgi, forces=forces)


def _forces_settings(source: Source) -> bool:
    """``os.environ["DJANGO_SETTINGS_MODULE"] = ...``, not ``setdefault``."""
    return any(
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Subscript)
        and source.dotted(node.targets[0].value) == "os.environ"
        and text(node.targets[0].slice) == VARIABLE
        for node in source.nodes
    )


def _existing(tree: Tree, path: str, word: bytes) -> str | None:
    return path if tree.has(path) and word in tree.read(path) else None


def _settings_elsewhere(tree: Tree, directory: str) -> tuple[str | None, int | None]:
    """From wsgi.py or asgi.py below ``manage.py``, or from pyproject.toml."""
    for path in tree.named("wsgi.py", "asgi.py"):
        source = (
            tree.source(path) if path.startswith("" if directory == "." else directory) else None
        )
        named = settings_named.named(tree, source) if source else None
        if named:
            return named
    match = _IN_TOML.search(tree.text("pyproject.toml"))
    if match:
        return match[1], None
    return settings_named.by_content(tree, directory) or (None, None)


def _single_files(tree: Tree) -> Iterator[DjangoProject]:
    """``settings.configure(...)`` and the application in one file."""
    for source in tree.mentioning(b"settings.configure"):
        called = [name for _, name in source.calls()]
        if "django.conf.settings.configure" not in called:
            continue
        for interface in ("wsgi", "asgi"):
            for name, value, line in source.assignments:
                if f"django.core.{interface}.get_{interface}_application" in called_within(
                    source, value
                ):
                    yield _single(source, name, line, interface)


def _single(source: Source, name: str, line: int, interface: str) -> DjangoProject:
    runs = any(called.endswith("execute_from_command_line") for _, called in source.calls())
    return DjangoProject(
        Evidence(source.path, line),
        settings=None,
        manage=source.path if runs else None,
        wsgi=source.path if interface == "wsgi" else None,
        asgi=source.path if interface == "asgi" else None,
        attribute=name,
    )


def _without_manage(tree: Tree) -> Iterator[DjangoProject]:
    """A ``wsgi.py`` or ``asgi.py`` that names settings, without any ``manage.py``."""
    for path in tree.named("wsgi.py", "asgi.py"):
        source = tree.source(path)
        if source is None or b"django" not in tree.read(path):
            continue
        named = settings_named.named(tree, source)
        if named:
            wsgi = path if path.endswith("wsgi.py") else None
            asgi = path if path.endswith("asgi.py") else None
            yield DjangoProject(
                Evidence(path, named[1]), named[0], None, wsgi, asgi, confidence=Confidence.LIKELY
            )
            return
