"""What every ask shares: how to import the app, how to name a path, how to answer.

The answer is one line of JSON behind a marker, for the app may print what it likes.
"""

from __future__ import annotations

import gc
import importlib.abc
import importlib.util
import json
import os
import re
import sys
import traceback
from contextlib import contextmanager
from typing import Any, Callable, Iterator

MARKER = "holdfast-answer: "
READY = "holdfast-ready"
ROOT = os.getcwd()
COMMANDS = ("gunicorn", "uvicorn", "granian", "hypercorn", "daphne", "waitress", "flask", "gevent")
"""Packages that are started in another way in other versions."""


def enter(candidate: Any) -> None:
    """Work where the app works and find what it finds, as its server will."""
    directory = os.path.join(ROOT, candidate["directory"])
    os.chdir(directory)
    for name in (".", *candidate["pythonpath"]):
        path = os.path.normpath(os.path.join(directory, name))
        if path not in sys.path:
            sys.path.insert(0, path)


class _Ours(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finds a module of ours that is going to lie beside the release."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        found = name == self.name
        return importlib.util.spec_from_loader(name, self) if found else None

    def get_source(self, fullname: str) -> str:
        return self.text


def load(candidate: Any) -> Any:
    """The app: its module imported, a factory called."""
    enter(candidate)
    if candidate["entry"]:
        sys.meta_path.insert(0, _Ours(candidate["module"], candidate["entry"]))
    found: Any = importlib.import_module(candidate["module"])
    for name in candidate["attribute"].split("."):
        found = getattr(found, name)
    return found() if candidate["factory"] else found


def place(path: Any) -> str | None:
    """A path relative to the project's root if it lies inside, else absolute.

    Links are not followed: what persists may already be linked out of the tree.
    """
    if not path:
        return None
    full = os.path.normpath(os.path.join(os.getcwd(), os.fspath(path)))
    for root in (ROOT, os.path.realpath(ROOT)):
        if full == root:
            return "."
        if full.startswith(root + os.sep):
            return full[len(root) + 1 :].replace(os.sep, "/")
    return full


def sqlite_of_url(url: Any) -> str | None:
    """The file of a SQLAlchemy URL; ``None`` for other databases and for one in memory."""
    if url.get_backend_name() != "sqlite":
        return None
    name = url.database
    if not name or name == ":memory:" or "mode=memory" in name:
        return None
    name = name[5:] if name.startswith("file:") else name
    return place(name.partition("?")[0])


def engines() -> Any:
    """The databases of every SQLAlchemy engine that exists: SQLite files, other backends."""
    files, others = peewee()
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.engine import Engine

        for item in gc.get_objects():
            if type(item) is Engine:
                name = sqlite_of_url(item.url)
                if name:
                    files.append([name, "SQLAlchemy URL"])
                elif item.url.get_backend_name() != "sqlite":
                    others.append(item.url.get_backend_name())
    return {"sqlite": files, "databases": sorted(set(others))}


def peewee() -> Any:
    """The same of Peewee's databases, which are opened when they are first used."""
    files: list[Any] = []
    others: list[str] = []
    module: Any = sys.modules.get("peewee")
    kinds = {"PostgresqlDatabase": "postgresql", "MySQLDatabase": "mysql"}
    for item in gc.get_objects() if module else ():
        kind: Any = type(item)  # (a proxy's own class: to ask it for another may raise)
        if not issubclass(kind, module.Database):
            continue
        name: Any = item
        if issubclass(kind, module.SqliteDatabase):
            if name.database and ":memory:" not in str(name.database):
                files.append([place(name.database), "Peewee's database"])
        else:
            others += [kinds[each.__name__] for each in kind.__mro__ if each.__name__ in kinds]
    return files, others


def rules(app: Any) -> list[str]:
    """The paths without arguments where a Flask or Quart app answers a GET."""
    every = app.url_map.iter_rules()
    return sorted(
        {
            str(rule)
            for rule in every
            if not rule.arguments and (rule.methods is None or "GET" in rule.methods)
        }
    )


def statics(app: Any) -> list[Any]:
    """The static folders of the app and its blueprints that exist: URL, directory.

    A blueprint's URL is known by its rule alone: where it is registered decides.
    """
    found = []
    for rule in app.url_map.iter_rules():
        owner, _, last = rule.endpoint.rpartition(".")
        folder = (app.blueprints.get(owner) if owner else app) if last == "static" else None
        if folder is not None and folder.has_static_folder and os.path.isdir(folder.static_folder):
            found.append([str(rule).partition("<")[0], place(folder.static_folder)])
    return found


_written: list[tuple[str, str]] = []
_listed: set[str] = set()


def _watch(event: str, args: Any) -> None:
    """An audit hook (PEP 578): which files the app opens to write while it is imported."""
    try:
        if event == "sqlite3.connect":
            name = os.fsdecode(args[0])
            if name and not name.startswith((":", "file::memory:")):
                name = name[5:].partition("?")[0] if name.startswith("file:") else name
                _written.append((os.path.join(os.getcwd(), name), "sqlite"))
        elif event == "open" and isinstance(args[0], (str, bytes)):
            mode, flags = args[1], args[2]
            if (mode and set(mode) & set("wax+")) or (flags & (os.O_WRONLY | os.O_RDWR)):
                _written.append((os.path.join(os.getcwd(), os.fsdecode(args[0])), "file"))
        elif event in ("os.listdir", "os.scandir"):
            if isinstance(args[0], (str, bytes, os.PathLike)):
                _listed.add(os.path.join(os.getcwd(), os.fsdecode(args[0])))
        elif event == "os.mkdir":
            name = os.path.join(os.getcwd(), os.fsdecode(args[0]))
            if os.path.islink(name) or not os.path.exists(name):
                _written.append((name, "directory"))
    except Exception:  # noqa: S110  (a hook that raises would stop the app)
        pass


def listed(directory: Any) -> bool:
    """Whether the app has listed the directory, or one below it."""
    root = os.path.normpath(os.path.join(os.getcwd(), os.fspath(directory)))
    names = {os.path.normpath(name) for name in _listed}
    return any(name == root or name.startswith(root + os.sep) for name in names)


def written() -> list[list[str]]:
    """What was opened to write inside the project: path, kind."""
    found = []
    for path, kind in dict.fromkeys(_written):
        name = place(path)
        if name and not os.path.isabs(name) and "__pycache__" not in name:
            found.append([name, kind])
    return found


@contextmanager
def aside() -> Iterator[None]:
    """Have something done that must not change what the app is asked afterwards."""
    directory, path, argv, env = os.getcwd(), list(sys.path), list(sys.argv), dict(os.environ)
    seen = len(_written)
    try:
        yield
    finally:
        os.chdir(directory)
        sys.path[:], sys.argv[:] = path, argv
        os.environ.clear()
        os.environ.update(env)
        del _written[seen:]


def versions() -> dict[str, str]:
    """The versions of the servers, and of Flask, that are installed."""
    from importlib import metadata

    found = {}
    for name in COMMANDS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def failure(error: BaseException) -> dict[str, Any]:
    """An error as the app's author knows it: without our own frames."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        index for index, frame in enumerate(frames) if frame.filename in ("<string>", "<stdin>")
    ]
    kept = frames[(ours[-1] + 1 if ours else 0) :]
    kept = [frame for frame in kept if not frame.filename.startswith("<frozen importlib")]
    kept = [frame for frame in kept if os.sep + "importlib" + os.sep not in frame.filename]
    lines = traceback.format_list(kept) + traceback.format_exception_only(type(error), error)
    return {
        **broken(error),
        "lacks": lacking(error),
        "type": type(error).__name__,
        "python": "%d.%d" % sys.version_info[:2],
        "message": str(error),
        "name": getattr(error, "name", None) or None,
        "traceback": "".join(lines)[-4000:],
    }


_NO_DIRECTORY = re.compile(r"Directory '([^']+)' does not exist")
"""Starlette's words for static files that lie nowhere."""


def lacking(error: BaseException | None) -> list[str]:
    """Directories of the project that an error is for the want of: git keeps no empty ones.

    Where it was going to write, or to list what is there. What a build makes is another matter.
    """
    found: list[str] = []
    while error is not None:
        found += _directories(error)
        error = error.__cause__ or error.__context__
    names = [name for name in map(place, dict.fromkeys(found)) if name and not os.path.isabs(name)]
    return [name for name in names if not {"dist", "build", "out"} & set(name.split("/"))]


def _directories(error: BaseException) -> Iterator[str]:
    said = _NO_DIRECTORY.search(str(error))
    wanted = [os.path.dirname(path) for path, kind in _written if kind != "directory"]
    if said:
        yield said[1]
    elif "unable to open database file" in str(error):
        yield from (path for path in wanted if not os.path.isdir(path))
    elif isinstance(error, FileNotFoundError) and isinstance(error.filename, (str, bytes)):
        full = os.path.join(os.getcwd(), os.fsdecode(error.filename))
        if full in _listed:
            yield full
        elif os.path.dirname(full) in wanted and not os.path.isdir(os.path.dirname(full)):
            yield os.path.dirname(full)


def broken(error: BaseException) -> dict[str, Any]:
    """Where a file that this Python can't read is broken: its path, the line, in what words."""
    if not isinstance(error, SyntaxError) or not error.filename or error.filename[:1] == "<":
        return {}
    return {
        "file": place(error.filename),
        "line": error.lineno,
        "said": error.msg,
        "python": "%d.%d" % sys.version_info[:2],
    }


def first(given: Any, examine: Callable[[Any, Any], dict[str, Any]]) -> dict[str, Any]:
    """Try the candidates in order until one is what it seems to be."""
    failures = []
    for index, candidate in enumerate(given["candidates"]):
        try:
            found = examine(load(candidate), candidate)
        except BaseException as error:  # (an app may raise SystemExit on import)
            failures.append(dict(failure(error), candidate=index))
            continue
        found.update(chosen=index, failures=failures)
        return found
    return {"chosen": None, "failures": failures}


_pending: list[Callable[[], list[str]]] = []


def ask_pending(how: Callable[[], list[str]]) -> None:
    """Have the pending migrations asked for, in the end, if that is wanted.

    It opens the database, so what the app itself opens to write must be known by then.
    """
    if os.environ.get("HOLDFAST_ASK_PENDING"):
        _pending.append(how)


def pending() -> list[str] | None:
    """Names of pending migrations in order; ``None`` if nobody asked, or it failed."""
    try:
        return [name for how in _pending for name in how()] if _pending else None
    except Exception:
        return None


def ready() -> None:
    """Say that the files of the release are as they will be: it may be booted."""
    if os.environ.pop("HOLDFAST_ASK_READY", None):
        os.write(1, ("\n" + READY + "\n").encode())


class NotThis(Exception):
    """The object is something else than it seemed."""


def main(ask: Callable[[Any], dict[str, Any]], given: Any) -> None:
    """Ask, answer on one line, and end at once whatever threads the app has started."""
    if hasattr(sys, "addaudithook"):
        sys.addaudithook(_watch)
    if os.environ.get("HOLDFAST_ASK_READY") == "now":
        ready()
    try:
        answer = ask(given)
        answer["written"] = written()
        answer["versions"] = versions()
        answer["pending"] = pending()
    except BaseException as error:  # (whatever it is, it is the answer)
        answer = {"chosen": None, "failures": [failure(error)]}
    if answer.get("chosen") is None:
        answer["set"] = sorted(os.environ)  # (names alone)
    line = "\n" + MARKER + json.dumps(answer) + "\n"
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        pass
    data = line.encode()
    while data:
        data = data[os.write(1, data) :]
    os._exit(0)
