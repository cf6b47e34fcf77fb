"""Variables the code reads, and which of them any random value satisfies."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from holdfast.config import Config
from holdfast.detect import guards, settings_classes
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import Confidence, EnvRead, Evidence, Fact, HardCodedSecret
from holdfast.detect.source import Source, argument, text
from holdfast.detect.tree import Tree

_READERS = frozenset({"os.environ.get", "os.getenv", "os.environ.pop", "decouple.config"})
_WORDS = (
    b"environ",
    b"getenv",
    b"decouple",
    b"BaseSettings",
    b"from_prefixed_env",
    b"starlette.config",
    b"dj_database_url",
    b"ynaconf",
    b".secrets",
)
_NO_READS = ("read_env", "read_envfile", "prefixed", "seal", "dump", "add_parser", "parser_for")
_ENV_OBJECTS = ("environ.Env", "environs.Env", "starlette.config.Config", "decouple.Config",
                "decouple.AutoConfig", "environ.FileAwareEnv")  # fmt: skip
_SET_ELSEWHERE = frozenset({"PORT", "HOST", "PATH", "HOME", "USER", "DJANGO_SETTINGS_MODULE",
                            "WEB_CONCURRENCY", "VIRTUAL_ENV", "LANG", "TZ"})  # fmt: skip


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    sources = [*tree.mentioning(*_WORDS)]
    made = {(_stem(source.path), name) for source in sources for name in _objects(source)}
    words = [f"{name}{mark}".encode() for _, name in made for mark in "(."]
    kinds = settings_classes.kinds(tree)
    more = tree.mentioning(*words, *(name.encode() for name in kinds))
    for source in dict.fromkeys((*sources, *more)):
        if not is_for_tests(source.path):
            yield from _reads(source, made, kinds)
    for source in tree.mentioning(b"SECRET_KEY", b"secret_key"):
        if not is_for_tests(source.path):
            yield from _hard_coded(source)


def _objects(source: Source) -> Iterator[str]:
    """Names of what reads variables in this file: ``env = environ.Env()``."""
    for name, value, _ in source.assignments:
        if source.called(value) in _ENV_OBJECTS:
            yield name


def _stem(path: str) -> str:
    return path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2]


def _imported(source: Source, made: set[tuple[str, str]]) -> Iterator[str]:
    """Such names that other files of the project made: ``from .base import env``, or everything."""
    for local, origin in source.imports.items():
        module, _, name = origin.rpartition(".")
        if (module.rpartition(".")[2], name) in made:
            yield local
    for node in source.nodes:
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            last = (node.module or "").rpartition(".")[2]
            yield from (name for stem, name in made if stem == last)


def _reads(
    source: Source, made: set[tuple[str, str]], kinds: Mapping[str, settings_classes.Kind]
) -> Iterator[EnvRead]:
    objects = {*_objects(source), *_imported(source, made)}
    optional = _with_defaults(source)
    spared = guards.spared(source)
    unless = guards.unless(source)
    for read, node in _every_read(source, objects, kinds):
        free = read.name in optional or id(node) in spared
        said = replace(read, unless=unless.get(id(node), frozenset()))
        yield replace(said, required=False, bare=False) if free else said


def _with_defaults(source: Source) -> frozenset[str]:
    """Names that ``environ.Env(DEBUG=(bool, False))`` has defaults for."""
    return frozenset(
        item.arg
        for _, value, _ in source.assignments
        if source.called(value) in _ENV_OBJECTS and isinstance(value, ast.Call)
        for item in value.keywords
        if item.arg and isinstance(item.value, ast.Tuple) and len(item.value.elts) == 2
    )


def _every_read(
    source: Source, objects: set[str], kinds: Mapping[str, settings_classes.Kind]
) -> Iterator[tuple[EnvRead, ast.AST]]:
    inner: set[int] = set()
    prefixes = _prefixes(source)
    for node in source.nodes:
        read: EnvRead | None = None
        if (secret := _secret(source, node)) is not None and id(node) not in inner:
            inner.update(map(id, ast.walk(node)))
            yield secret, node
            continue
        if isinstance(node, ast.Subscript) and source.dotted(node.value) == "os.environ":
            if isinstance(node.ctx, ast.Load):
                read = _read(source, node, text(node.slice), None, required=True)
        elif isinstance(node, ast.Call):
            read = _called_read(source, node, objects)
            if read is not None and id(node) in prefixes:
                read = replace(read, name=prefixes[id(node)] + read.name)
        elif isinstance(node, ast.ClassDef):
            for read in settings_classes.fields(source, node, kinds):
                yield read, node
            continue
        if read is not None and read.name not in _SET_ELSEWHERE:
            yield read, node


def _prefixes(source: Source) -> dict[int, str]:
    """What stands before the names within ``with env.prefixed("SHOP_"):``, by their nodes."""
    found: dict[int, str] = {}
    for node in source.nodes:
        if not isinstance(node, ast.With):
            continue
        for item in node.items:
            call = item.context_expr
            called = source.called(call) or ""
            if isinstance(call, ast.Call) and called.endswith(".prefixed"):
                said = text(argument(call, 0, "prefix")) or ""
                within = (inner for statement in node.body for inner in ast.walk(statement))
                found |= {id(inner): found.get(id(inner), "") + said for inner in within}
    return found


def _secret(source: Source, node: ast.AST) -> EnvRead | None:
    """``st.secrets["KEY"]``, ``st.secrets.db.password``: the variable that stands for it."""
    parts: list[str] = []
    inner = node
    while isinstance(inner, ast.Subscript | ast.Attribute):
        if source.dotted(inner) == "streamlit.secrets":
            break
        part = text(inner.slice) if isinstance(inner, ast.Subscript) else inner.attr
        if part is None:
            return None
        parts.insert(0, part)
        inner = inner.value
    if not parts or source.dotted(inner) != "streamlit.secrets" or parts[-1] in _LOOKS:
        return None
    read = _read(source, node, "__".join(parts), None, required=True)
    return replace(read, streamlit=True) if read else None


_LOOKS = ("get", "items", "keys", "values", "to_dict", "has_key", "load_if_toml_exists")


def _called_read(source: Source, call: ast.Call, objects: set[str]) -> EnvRead | None:
    """``os.environ.get(X)``, ``getenv(X, d)``, ``config(X)``, ``env.str(X)``, …"""
    name = source.dotted(call.func) or ""
    if name == "flask.Flask" or name.endswith(".config.from_prefixed_env"):
        return _prefixed(source, call) if name.endswith("from_prefixed_env") else None
    last = name.rpartition(".")[2]
    if name == "dj_database_url.config":
        named = text(argument(call, 9, "env")) or "DATABASE_URL"
        return _read(source, call, named, argument(call, 0, "default"), required=False)
    if name == "dynaconf.Validator":
        must = getattr(argument(call, 9, "must_exist"), "value", None) is True
        named = f"DYNACONF_{text(argument(call, 0, 'name'))}"
        return _read(source, call, named, argument(call, 9, "default"), required=must)
    by_object = _first(call.func) in objects or name.partition(".")[0] == "environs"
    if (name not in _READERS and not by_object) or last in _NO_READS:
        return None
    default = argument(call, 1, "default")
    plain = name in ("os.environ.get", "os.getenv", "os.environ.pop")
    key = text(argument(call, 0, "key")) or (_URLS.get(last) if by_object else None)
    read = _read(source, call, key, default, required=default is None and not plain)
    return replace(read, bare=default is None) if read and plain else read


def _first(node: ast.expr) -> str:
    """The name that an expression begins with, as the file itself has it."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


_URLS = {"db": "DATABASE_URL", "db_url": "DATABASE_URL", "dj_db_url": "DATABASE_URL",
         "cache": "CACHE_URL", "cache_url": "CACHE_URL", "email_url": "EMAIL_URL",
         "search_url": "SEARCH_URL"}  # fmt: skip
"""What django-environ's and environs' methods read where no name is given."""


def _prefixed(source: Source, call: ast.Call) -> EnvRead:
    """``app.config.from_prefixed_env()``: ``FLASK_SECRET_KEY`` becomes ``SECRET_KEY``."""
    prefix = text(argument(call, 0, "prefix")) or "FLASK"
    return EnvRead(
        Evidence(source.path, call.lineno),
        f"{prefix}_SECRET_KEY",
        required=False,
        confidence=Confidence.LIKELY,
    )


def _read(
    source: Source, node: ast.AST, name: str | None, default: ast.expr | None, *, required: bool
) -> EnvRead | None:
    if not name or not re.fullmatch(r"[A-Za-z_]\w*", name):
        return None
    line = getattr(node, "lineno", None)
    return EnvRead(Evidence(source.path, line), name, required, text(default))


def _hard_coded(source: Source) -> Iterator[HardCodedSecret]:
    """``SECRET_KEY = "..."`` in the code: whoever reads the code can forge sessions."""
    for node in source.nodes:
        value: ast.expr | None = None
        if isinstance(node, ast.Assign):
            target = node.targets[0]
            name = getattr(target, "attr", None) or getattr(target, "id", None)
            if isinstance(target, ast.Subscript):
                name = text(target.slice)
            value = node.value if name in ("SECRET_KEY", "secret_key") else None
        elif isinstance(node, ast.keyword) and node.arg == "SECRET_KEY":
            value = node.value
        if text(value):
            line = getattr(value, "lineno", None)
            yield HardCodedSecret(Evidence(source.path, line), "SECRET_KEY")


_RANDOM = (
    "SECRET_KEY", "SECRET", "SECRET_KEY_BASE", "SECRETKEY", "APP_KEY", "SESSION_SECRET",
    "SESSION_KEY", "COOKIE_SECRET", "JWT_SECRET", "JWT_SECRET_KEY", "JWT_KEY", "CSRF_SECRET",
    "CSRF_SECRET_KEY", "WTF_CSRF_SECRET_KEY", "SECURITY_PASSWORD_SALT", "PASSWORD_SALT",
    "SIGNING_KEY", "SESSION_SECRET_KEY", "AUTH_SECRET", "TOKEN_SECRET", "COOKIE_SECRET_KEY",
)  # fmt: skip
_OURS = ("DJANGO", "FLASK", "FASTAPI", "QUART", "LITESTAR", "STARLETTE", "APP", "WEB", "SITE")


def satisfied_by_random(name: str, prefixes: frozenset[str]) -> bool:
    """Whether any long random value will do for a variable.

    A secret that somebody else gave out (``STRIPE_SECRET_KEY``) has a prefix that is
    neither a framework's nor the project's own, so an unknown prefix means no.
    """
    upper = name.upper()
    return any(
        upper == known or upper in {f"{prefix}_{known}" for prefix in (*_OURS, *prefixes)}
        for known in _RANDOM
    )
