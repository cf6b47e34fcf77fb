"""gunicorn's own configuration file: what it sets is the user's word, as an option would be.

gunicorn reads ``gunicorn.conf.py`` from where it is started, or what ``-c`` names; options of the
command line count more, so ours must leave out what stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from holdfast.config import Config
from holdfast.detect.command_line import ServerLine
from holdfast.detect.facts import Evidence, Fact, GunicornSettings
from holdfast.detect.source import text
from holdfast.detect.tree import Tree, join

_FILE = re.compile(r"(?:.*/)?\w*gunicorn[\w.-]*\.py")
_SYNCHRONOUS = ("sync", "gthread", "gevent", "eventlet", "tornado")


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for path in tree.python:
        source = tree.source(path) if _FILE.fullmatch(path) else None
        if source is not None:
            named = {name: text(value) or "" for name, value, _ in source.assignments}
            worker = named.get("worker_class", "")
            yield GunicornSettings(Evidence(path), frozenset(named), worker)


def of_line(
    facts: Iterable[Fact], line: ServerLine | None, directory: str
) -> GunicornSettings | None:
    """The file that counts for a command line, or without one where the app is started."""
    path = join(directory, _named(line) or "gunicorn.conf.py")
    found = [fact for fact in facts if isinstance(fact, GunicornSettings)]
    return next((fact for fact in found if fact.evidence.file == path), None)


def _named(line: ServerLine | None) -> str | None:
    named = _option(line, "-c", "--config") if line else None
    return named.removeprefix("file:").removeprefix("python:") if named else None


def _option(line: ServerLine, short: str, long: str) -> str | None:
    """The value of an option, in whichever of its spellings it is given."""
    words = list(line.options)
    for at, word in enumerate(words):
        if word in (short, long):
            return next(iter(words[at + 1 :]), None)
        for start in (f"{long}=", short):
            if word.startswith(start):
                return word.removeprefix(start).removeprefix("=")
    return None


def speaks_asgi(line: ServerLine, settings: GunicornSettings | None) -> bool:
    """Whether gunicorn is started with a worker that speaks ASGI."""
    worker = _option(line, "-k", "--worker-class") or (settings.worker if settings else "")
    return worker not in ("", *_SYNCHRONOUS)
