"""Packages that others bring along, known where nothing is locked."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.detect import lines

_IMPLIED = {
    "quart": ("hypercorn",),
    "flask-migrate": ("alembic",),
    "flask-sqlalchemy": ("sqlalchemy",),
    "uvicorn-worker": ("uvicorn", "gunicorn"),
    "apiflask": ("flask",),
}
_EXTRAS = {
    "fastapi": ("uvicorn", "websockets"),
    "litestar": ("uvicorn", "websockets"),
    "channels": ("daphne",),
    "uvicorn": ("websockets", "httptools", "uvloop"),
}


def implied(direct: frozenset[str]) -> frozenset[str]:
    """Packages that others bring along, where nothing is locked."""
    return frozenset(name for package in direct for name in _IMPLIED.get(package, ()))


def extras_imply(wanted: Iterable[object]) -> frozenset[str]:
    """Servers that come as an extra: ``fastapi[standard]`` is FastAPI with uvicorn."""
    named = filter(None, map(lines.extras_of, wanted))
    return frozenset(item for name, _ in named for item in _EXTRAS.get(name, ()))
