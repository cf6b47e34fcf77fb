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
    words = list(line.options) if line else []
    for at, word in enumerate(words):
        if word in ("-c", "--config") and words[at + 1 :]:
            return words[at + 1].removeprefix("file:").removeprefix("python:")
        if word.startswith("--config="):
            return word.partition("=")[2].removeprefix("file:")
    return None


def speaks_asgi(line: ServerLine, settings: GunicornSettings | None) -> bool:
    """Whether gunicorn is started with a worker that speaks ASGI."""
    words = list(line.options)
    for at, word in enumerate(words):
        if word in ("-k", "--worker-class") and words[at + 1 :]:
            return words[at + 1] not in _SYNCHRONOUS
        if word.startswith(("--worker-class=", "-k")) and len(word) > 2:
            return word.partition("=")[2] not in _SYNCHRONOUS
    return settings is not None and settings.worker not in ("", *_SYNCHRONOUS)
