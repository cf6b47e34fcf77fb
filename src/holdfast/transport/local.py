"""This machine: the agent is called in process.

Events and results pass through JSON as they would through SSH, so that what works here
works there. Errors of the agent are not caught: they are of the same classes.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from holdfast.errors import TransportError
from holdfast.files import free_megabytes, is_full
from holdfast.layout import Layout
from holdfast.protocol import Emit, Event, Request

Dispatch = Callable[[Layout, Request, Emit], dict[str, Any]]


class LocalTransport:
    """The agent of this machine.

    Args:
        layout: where Holdfast's files lie.
        dispatch: answers requests; ``None`` for the agent itself (imported when needed).
    """

    server = "local"

    def __init__(self, layout: Layout, dispatch: Dispatch | None = None) -> None:
        self._layout = layout
        self._dispatch = dispatch

    def call(self, request: Request, emit: Emit) -> dict[str, Any]:
        def over_the_wire(event: Event) -> None:
            emit(Event.from_json(json.loads(event.to_line())))

        sent = json.loads(json.dumps(request.to_json()))
        answer = self._agent()(self._layout, Request(sent["method"], sent["params"]), over_the_wire)
        result: dict[str, Any] = json.loads(json.dumps(answer))
        return result

    def send_source(self, app: str, archive: Path) -> str:
        """Copy the archive into ``apps/APP/incoming``; the token is its name there.

        The name appears when the copy is whole. Nobody else may read it: a folder without
        git may hold a file of secrets.
        """
        import shutil  # late: status and the others need none of it

        token = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{os.urandom(4).hex()}"
        layout = self._layout.app(app)
        self._layout.make()
        layout.make()
        beside = layout.incoming / f".{token}.part"
        beside.touch(mode=0o600)
        try:
            shutil.copyfile(archive, beside)
            beside.replace(layout.incoming / f"{token}.tar")
        except OSError as error:
            if not is_full(error, self._layout.root):
                raise
            raise TransportError(
                f"the disk is full: {free_megabytes(self._layout.root)} MB are left for"
                f" {self._layout.root}, and the source has"
                f" {archive.stat().st_size // 1_000_000} MB",
                hint="make room; the release that serves is not touched",
            ) from error
        finally:
            beside.unlink(missing_ok=True)
        return token

    def interactive(self, app: str, argv: Sequence[str], *, tty: bool) -> int:
        from holdfast.agent.exec import exec_command

        return exec_command(self._layout, app, argv, tty=tty)

    def _agent(self) -> Dispatch:
        if self._dispatch is None:
            from holdfast.agent.dispatch import dispatch

            return dispatch
        return self._dispatch
