"""What else to do about packages that cannot be built here.

Some want tools of their time to be built with: PyYAML 5.4 cannot be built with Cython 3.

``psycopg2`` comes as source alone and wants a compiler and PostgreSQL's headers; the same code of
the same release comes ready made as ``psycopg2-binary``. Servers that somebody else's platform ran
(``uWSGI``) need not be built at all: the app gets another.
"""

from __future__ import annotations

from dataclasses import replace

from holdfast.app import Dependencies
from holdfast.releases.another_python import Sign

_READY_MADE = {"psycopg2": "psycopg2-binary", "psycopg-c": "psycopg-binary"}
_NOT_NEEDED = frozenset({"uwsgi", "mod-wsgi", "meinheld", "bjoern"})


def gone(name: str) -> str:
    """The line by which uv leaves a package out, whoever asks for it."""
    return f'{name} ; python_version < "3"'


def of(sign: Sign, dependencies: Dependencies) -> tuple[Dependencies, str] | None:
    """The dependencies without what could not be built, and a sentence; ``None``: no way known."""
    older = tuple(line for line in sign.building if line not in dependencies.building)
    if older:
        built = replace(dependencies, building=(*dependencies.building, *older))
        return built, f"{sign.unbuilt[0]} cannot be built with the newest tools: {', '.join(older)}"
    for name, version in zip(sign.unbuilt, sign.versions, strict=True):
        if gone(name) in dependencies.instead:
            continue
        without = replace(dependencies, instead=(*dependencies.instead, gone(name)))
        if (ready := _READY_MADE.get(name)) is not None:
            line = f"{ready}=={version}" if version else ready
            said = f"{name} could not be compiled here: {line}, the same code, is installed instead"
            return replace(without, extra=(*without.extra, line)), said
        if name in _NOT_NEEDED:
            return without, f"{name} could not be compiled here, and is not needed: it is left out"
    return None
