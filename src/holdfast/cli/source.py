"""The project's source on its way to the server, shown as two steps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from holdfast.cli.project import Project
from holdfast.cli.show import words
from holdfast.cli.show.view import View
from holdfast.protocol import Event, Kind


def send(
    project: Project,
    view: View,
    *,
    dirty: bool = False,
    values: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Pack what is committed, or with ``dirty`` what git tracks, and bring it to the server.

    Args:
        values: variables that go with it, for images that are built here.

    Returns:
        ``source`` of the methods deploy and plan: ``{token, commit, dirty}``.
    """
    from holdfast.releases.source import pack

    with tempfile.TemporaryDirectory(prefix="holdfast-") as directory:
        began = _start(view, "pack", "Pack the source")
        packed = pack(
            project.directory,
            Path(directory),
            dirty=dirty,
            without=_pair(project, "key"),
            read=_pair(project, "certificate", "key"),
        )
        commit = f"{packed.commit[:7]}, " if packed.commit else ""
        _done(view, "pack", began, f"{commit}{words.count(packed.files, 'file')}")
        for note in packed.notes:
            view(Event(Kind.NOTE, {"text": note}))
        if project.config.get("compose", {}).get("build") == "here":
            _add_images(project, view, packed.archive, values or {})
        began = _start(view, "upload", "Send it to the server")
        transport = project.app.transport
        token = transport.send_source(project.app.name, packed.archive)
        whole = words.size(packed.archive.stat().st_size)
        sent = getattr(transport, "sent", None)
        _done(view, "upload", began, whole if sent is None else f"{words.size(sent)} of {whole}")
    return {"token": token, "commit": packed.commit, "dirty": packed.dirty}


def _add_images(project: Project, view: View, archive: Path, values: Mapping[str, str]) -> None:
    """Build the images of a Compose project on this machine, to be sent with its source."""
    from holdfast.config import from_json
    from holdfast.releases import images_here

    def log(line: str) -> None:
        view(Event(Kind.LOG, {"source": "build", "line": line}))

    began = _start(view, "images", "Build the images here")
    config = from_json(project.config)
    count = images_here.add(archive, config, project.app.name, values, log)
    _done(view, "images", began, words.count(count, "image"))


def _pair(project: Project, *names: str) -> frozenset[str]:
    """Files that ``[tls]`` names: read here, and sent by themselves.

    No release has the private key: it is the web server's, and never the app's to read.
    """
    said = project.config.get("tls", {})
    return frozenset(str(PurePath(said[name])) for name in names if said.get(name))


def _start(view: View, step: str, title: str) -> float:
    view(Event(Kind.STEP_STARTED, {"step": step, "title": title}))
    return time.monotonic()


def _done(view: View, step: str, began: float, note: str) -> None:
    taken = round(time.monotonic() - began, 3)
    view(Event(Kind.STEP_DONE, {"step": step, "seconds": taken, "note": note}))
