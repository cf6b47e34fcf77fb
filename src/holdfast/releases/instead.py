"""What else to do about packages that cannot be built here.

Some want tools of their time to be built with: PyYAML 5.4 cannot be built with Cython 3.

``psycopg2`` comes as source alone and wants a compiler and PostgreSQL's headers; the same code of
the same release comes ready made as ``psycopg2-binary``. Servers that somebody else's platform ran
(``uWSGI``) need not be built at all: the app gets another. What was abandoned lives on under
another name (``pycrypto``), or was never a package but a hint at one (``sklearn``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from holdfast.app import Dependencies
from holdfast.releases.another_python import Sign

_READY_MADE = {"psycopg2": "psycopg2-binary", "psycopg-c": "psycopg-binary"}
_FIRST_READY_MADE = (2, 7, 4)
"""Earlier ones of psycopg2 come in no other form; its 2.9 is another thing to old Djangos."""

_RENAMED = {"pycrypto": "pycryptodome", "sklearn": "scikit-learn", "dotenv": "python-dotenv",
            "mysql-python": "mysqlclient", "python-levenshtein": "levenshtein"}  # fmt: skip
_SUPERSEDED = {"markupsafe": "markupsafe>=1.1,<2.1"}
"""Later ones that are the same to those who use them, and can be built."""

_NOT_NEEDED = frozenset({"uwsgi", "mod-wsgi", "meinheld", "bjoern", "black", "typed-ast", "pylint",
                         "mypy", "yapf", "flake8"})  # fmt: skip
"""Servers of other platforms, and what only a developer uses."""


def gone(name: str) -> str:
    """The line by which uv leaves a package out, whoever asks for it."""
    return f'{name} ; python_version < "3"'


def names_in(lines: Iterable[str]) -> frozenset[str]:
    """The packages of which lines say something."""
    return frozenset(found[0] for line in lines if (found := re.match(r"[\w.-]+", line)))


def of(sign: Sign, dependencies: Dependencies) -> tuple[Dependencies, str] | None:
    """The dependencies without what could not be built, and a sentence; ``None``: no way known."""
    older = tuple(line for line in sign.building if line not in dependencies.building)
    if older:
        built = replace(dependencies, building=(*dependencies.building, *older))
        return built, f"{sign.unbuilt[0]} cannot be built with the newest tools: {', '.join(older)}"
    for name, version in zip(sign.unbuilt, sign.versions, strict=True):
        if gone(name) in dependencies.instead:
            continue
        if (later := _SUPERSEDED.get(name)) is not None and later not in dependencies.instead:
            superseded = replace(dependencies, instead=(*dependencies.instead, later))
            return superseded, f"{name} {version} cannot be built here: {later} is taken"
        without = replace(dependencies, instead=(*dependencies.instead, gone(name)))
        if (ready := _READY_MADE.get(name)) is not None:
            line = _ready_made(ready, version)
            said = f"{name} could not be compiled here: {line}, the same code, is installed instead"
            return replace(without, extra=(*without.extra, line)), said
        if (other := _RENAMED.get(name)) is not None:
            said = f"{name} cannot be built: {other}, which holds the same modules, is installed"
            return replace(without, extra=(*without.extra, other)), said
        if name in _NOT_NEEDED:
            return without, f"{name} cannot be built here, and is not needed: it is left out"
    return None


def _ready_made(name: str, version: str) -> str:
    parts = re.findall(r"\d+", version)
    if not parts:
        return name
    if tuple(map(int, parts)) < _FIRST_READY_MADE:
        return f"{name}>=2.7.4,<2.9"
    return f"{name}=={version}"
