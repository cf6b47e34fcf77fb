"""What code keeps on disk, by its files alone: SQLite databases, and folders for uploads.

For code that runs in a container, where no framework is asked: each expression that comes to such
a path counts, with the variables that the container gets.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from holdfast.config import Config
from holdfast.detect import django, reading
from holdfast.detect.candidates import is_aside, is_for_tests
from holdfast.detect.facts import DjangoProject, Evidence
from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree, join, parent
from holdfast.records import record

_URL = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>(?:/+:tree:)?[^?:{}%<>]+)(?:\?.*)?")
_OPENED = ("sqlite3.connect", "aiosqlite.connect", "peewee.SqliteDatabase")
_SUFFIX = re.compile(r"[\w./-]+\.(?:sqlite3?|db3?)$")
_ELSEWHERE = re.compile(r"HOST|SERVER|DOMAIN|EMAIL|ADDR", re.IGNORECASE)
"""Variables whose value ends in ``.db`` and is no file."""

_UPLOADS = re.compile(
    r"(?i)media_root|(?:upload|uploads|uploaded|media)(?:_?(?:files?|images?))?_?"
    r"(?:folder|dir|directory|path|root)"
)
_MODULE, _URL_VARIABLE = "DJANGO_SETTINGS_MODULE", "DATABASE_URL"


@record
class Stored:
    """A path that is written to.

    Attributes:
        path: relative to the tree where ``anchored``, else to where the process runs; absolute
            for one outside of both.
    """

    path: str
    kind: Literal["file", "directory"]
    anchored: bool
    evidence: Evidence
    what: str


def find(tree: Tree | None, env: Mapping[str, str]) -> Iterator[Stored]:
    """Everything that code in ``tree`` keeps where these variables are set, each path once."""
    told = set[tuple[str, bool]]()
    code = () if tree is None else (*_of_django(tree, env), *_of_code(tree, env))
    for item in (*_of_variables(env), *code):
        if (item.path, item.anchored) not in told and item.path not in ("", "."):
            told.add((item.path, item.anchored))
            yield item


def _of_variables(env: Mapping[str, str]) -> Iterator[Stored]:
    """``DATABASE_URL=sqlite:///app.db``, ``DB_PATH=/data/app.db``, ``UPLOAD_DIR=/data/up``."""
    for name, value in env.items():
        evidence = Evidence(name)
        if found := _URL.fullmatch(value):
            yield _stored(found["path"], "file", evidence, "a SQLite URL")
        elif _SUFFIX.fullmatch(value) and not _ELSEWHERE.search(name):
            yield _stored(value, "file", evidence, "the name of a database")
        elif _UPLOADS.fullmatch(name) and re.fullmatch(r"\.?/[\w./-]+", value):
            yield _stored(value.rstrip("/"), "directory", evidence, "a folder for uploads")


def _of_django(tree: Tree, env: Mapping[str, str]) -> Iterator[Stored]:
    """``DATABASES`` and ``MEDIA_ROOT`` of the settings that are used."""
    for project in django.recognise(tree, Config()):
        if not isinstance(project, DjangoProject):
            continue
        base = parent(project.manage or project.evidence.file)
        module = env.get(_MODULE) or project.settings or ""
        for source in _settings(tree, base, module):
            read = reading.Reading(source, env)
            for name, value, line in source.assignments:
                evidence = Evidence(source.path, line)
                if name == "DATABASES":
                    for path in _databases(read, value):
                        yield _stored(path, "file", evidence, "Django's DATABASES")
                elif name == "MEDIA_ROOT" and (path := _said(read, value)):
                    yield _stored(path, "directory", evidence, "Django's MEDIA_ROOT")


def _settings(tree: Tree, base: str, module: str) -> Iterator[Source]:
    """The module, then those of which it takes everything, as long as nothing is said twice."""
    waiting, told = [join(base, module.replace(".", "/"))], set[str]()
    for place in waiting:
        source = tree.source(f"{place}.py") or tree.source(f"{place}/__init__.py")
        if source is None or place in told:
            continue
        told.add(place)
        yield source
        for node in source.nodes:
            if isinstance(node, ast.ImportFrom) and any(item.name == "*" for item in node.names):
                name = (node.module or "").replace(".", "/")
                above = parent(source.path) if node.level else base
                waiting.append(join(above, "../" * max(node.level - 1, 0) + name))
        if any(name == "DATABASES" for name, _, _ in source.assignments):
            return


def _databases(read: reading.Reading, value: ast.expr) -> Iterator[str]:
    for said in _dicts(value):
        parts = {text(key): item for key, item in zip(said.keys, said.values, strict=True)}
        engine, name = parts.get("ENGINE"), parts.get("NAME")
        if name is not None and "sqlite" in str(engine and _said(read, engine)):
            if path := _said(read, name):
                yield path


def _dicts(value: ast.expr) -> Iterator[ast.Dict]:
    return (node for node in ast.walk(value) if isinstance(node, ast.Dict))


def _of_code(tree: Tree, env: Mapping[str, str]) -> Iterator[Stored]:
    for source in tree.mentioning(b"sqlite", b"SqliteDatabase"):
        if not _aside(source):
            yield from _urls(source, env)
    for source in tree.mentioning(b"upload", b"UPLOAD", b"media"):
        if not _aside(source):
            yield from _folders(source, env)


def _aside(source: Source) -> bool:
    """What runs by hand alone, or builds migrations: its databases are others."""
    name = source.path.rpartition("/")[2]
    return is_for_tests(source.path) or is_aside(source.path) or name in ("env.py", "conf.py")


def _urls(source: Source, env: Mapping[str, str]) -> Iterator[Stored]:
    read = reading.Reading(source, env)
    for name, value in _given(source, env):
        if name.upper() in env:
            continue  # pydantic's settings are variables by the same name
        for found, node in _texts(read, value):
            if match := _URL.fullmatch(found):
                yield from _of_url(source, node, match["path"], name)
    for call, called in source.calls():
        if called in _OPENED and (path := _said(read, argument(call, 0, "database"))):
            if ":memory:" not in path and not path.startswith("file:"):
                evidence = Evidence(source.path, call.lineno)
                yield _stored(path, "file", evidence, f"{called}()")


def _of_url(source: Source, node: ast.expr, path: str, name: str) -> Iterator[Stored]:
    """A SQLite URL; of Flask-SQLAlchemy a relative one is below ``instance``, or the package."""
    evidence = Evidence(source.path, node.lineno)
    yield _stored(path, "file", evidence, "a SQLite URL in the code")
    ours = any(item.startswith("flask") for item in source.imports.values())
    if (ours or name == "SQLALCHEMY_DATABASE_URI") and not path.startswith("/"):
        package = parent(source.path)
        instance = join(package, "../instance" if package != "." else "instance")
        yield Stored(instance, "directory", True, evidence, "Flask's instance folder")
        yield Stored(join(instance, path), "file", True, evidence, "Flask's instance folder")


def _folders(source: Source, env: Mapping[str, str]) -> Iterator[Stored]:
    read = reading.Reading(source, env)
    for name, value in _given(source, env):
        if name.upper() not in env and name != "MEDIA_ROOT" and _UPLOADS.fullmatch(name):
            path = _said(read, value)
            if path and re.fullmatch(r"(?:\./|/)?[\w.:/-]+", path):
                evidence = Evidence(source.path, value.lineno)
                yield _stored(path.rstrip("/"), "directory", evidence, name)


def _given(source: Source, env: Mapping[str, str]) -> Iterator[tuple[str, ast.expr]]:
    """Every value that something is given: a name, a key, an attribute, an argument.

    Not the default that stands beside the name of a variable which is set.
    """
    for node in source.nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                yield _name(target), node.value
        elif isinstance(node, ast.Call):
            if (text(argument(node, 0, "env")) or _URL_VARIABLE) in env:
                continue
            yield from (("", item) for item in node.args)
            yield from ((item.arg or "", item.value) for item in node.keywords)


def _name(target: ast.expr) -> str:
    if isinstance(target, ast.Subscript):
        return text(target.slice) or ""
    return getattr(target, "id", None) or getattr(target, "attr", None) or ""


def _texts(read: reading.Reading, node: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """What an expression comes to; of one that is not known what its parts do, but for calls."""
    try:
        yield str(read.value(node)), node
    except reading.Unknown:
        for below in () if isinstance(node, ast.Call) else ast.iter_child_nodes(node):
            if isinstance(below, ast.expr):
                yield from _texts(read, below)


def _said(read: reading.Reading, node: ast.expr | None) -> str:
    try:
        found: Any = read.value(node)
    except reading.Unknown:
        return ""
    return "" if found is None else str(found)


def _stored(path: str, kind: Literal["file", "directory"], evidence: Evidence, what: str) -> Stored:
    """The path as it was worked out: from the tree's root, or from where the process runs."""
    whole = re.sub(r"^/+(?=/:tree:)", "", path)
    anchored = whole.startswith(reading.ROOT)
    plain = whole.removeprefix(reading.ROOT).lstrip("/") if anchored else whole
    return Stored(join(".", plain) if plain[:1] != "/" else plain, kind, anchored, evidence, what)
