"""The files of an app that Docker runs; all for root alone, since variables stand in them.

::

    ROOT/compose/APP/web.a.json             what was started in the slot: release and address
    ROOT/compose/APP/web.a.compose.json     the project as Compose resolved it, variables in it
    ROOT/compose/APP/web.a.yaml             what of it is overridden
    ROOT/compose/APP/worker.json            what was started besides
    ROOT/compose/APP/others.compose.json, others.yaml   for everything but the web
    ROOT/compose/APP/web.a.pre_stop         what is run in its containers before they are stopped
    ROOT/compose/APP/files/HASH/            copies of what databases mount from the source
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from holdfast.files import write_atomic, write_json
from holdfast.layout import Layout
from holdfast.runtimes.started import Started, read_started, reads

_PROJECT = ".compose.json"

OTHERS = "others"
"""The part of everything but the web."""


def directory(layout: Layout, app: str) -> Path:
    return layout.compose / app


def make(layout: Layout, app: str) -> Path:
    """The app's directory, made if need be."""
    layout.compose.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory(layout, app)
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def started(layout: Layout, app: str, name: str) -> Started | None:
    return read_started(directory(layout, app) / f"{name}.json")


def remember(layout: Layout, app: str, name: str, what: Started) -> None:
    write_json(make(layout, app) / f"{name}.json", asdict(what), mode=0o600)


def forget(layout: Layout, app: str, name: str) -> None:
    (directory(layout, app) / f"{name}.json").unlink(missing_ok=True)


def names(layout: Layout, app: str) -> Iterator[str]:
    """The processes that are to run: ``web.a``, ``worker``, …"""
    for path in sorted(directory(layout, app).glob("*.json")):
        if not path.name.endswith(_PROJECT):
            yield path.name.removesuffix(".json")


def files(layout: Layout, app: str, name: str) -> list[Path]:
    """A project and its override, in Compose's order."""
    home = make(layout, app)
    return [home / f"{name}{_PROJECT}", home / f"{name}.yaml"]


def write(path: Path, value: Any) -> bool:
    """Put text, or a document as JSON, in place; whether that changed anything."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    if reads(path, text):
        return False
    write_atomic(path, text, mode=0o600)
    return True
