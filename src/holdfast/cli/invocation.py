"""What every verb is given: the options that all have, and the way to a server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.transport.contract import Transport

Connect = Callable[[str], "Transport"]
"""Opens the way to the server of this name."""


def open_server(server: str) -> Transport:
    """The real ways (imported when one is needed)."""
    from holdfast.transport import open_transport

    return open_transport(server)


@dataclass
class Invocation:
    """One run of the command; filled while click reads the arguments.

    Attributes:
        json: answers are lines of JSON.
        debug: a fault of ours shows its traceback.
        directory: the project's directory; every relative path is below it.
        connect: opens the way to a server.
    """

    json: bool = False
    debug: bool = False
    directory: Path = field(default_factory=Path)
    connect: Connect = open_server

    def path(self, given: str) -> Path:
        """A path that the user gave, as if we had been started in ``directory``."""
        return self.directory / given

    def answer(self, result: Mapping[str, Any], lines: Iterable[str] = ()) -> None:
        """The end of a verb: its result for a program, or ``lines`` for a person."""
        if self.json:
            import json

            print(json.dumps({"result": result}), flush=True)
            return
        for line in lines:
            print(line)

    def note(self, text: str) -> None:
        """Say something besides the answer; a program is not told."""
        if not self.json:
            print(text, file=sys.stderr, flush=True)

    @property
    def interactive(self) -> bool:
        """Whether a person is there to be asked."""
        return not self.json and sys.stdin.isatty() and sys.stderr.isatty()
