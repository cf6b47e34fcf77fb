"""What every verb is given: the options that all have, and the way to a server."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from holdfast.cli.typed import Typed
    from holdfast.transport.contract import Transport
    from holdfast.transport.printer import PrinterTransport

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
        dry_run: what would change something on a server is shown in place of being sent.
        open: opens the way to a server.
        typed: which app, and where, as far as options said it; ``None`` for a verb without them.
    """

    json: bool = False
    debug: bool = False
    dry_run: bool = False
    directory: Path = field(default_factory=Path)
    open: Connect = open_server
    typed: Typed | None = None
    _printers: list[PrinterTransport] = field(default_factory=list)

    def connect(self, server: str) -> Transport:
        """The way to a server; of a dry run one that lets nothing through."""
        real = self.open(server)
        if not self.dry_run:
            return real
        from holdfast.transport.printer import PrinterTransport

        self._printers.append(PrinterTransport(real))
        return self._printers[-1]

    def path(self, given: str) -> Path:
        """A path that the user gave, as if we had been started in ``directory``."""
        return self.directory / given

    def answer(self, result: Mapping[str, Any], lines: Iterable[str] = ()) -> None:
        """The end of a verb: its result for a program, or ``lines`` for a person.

        Of a dry run it is what would have been sent.
        """
        lines = map(self.complete, lines)
        if self._printers:
            result, lines = _withheld(self._printers)
        if self.json:
            import json

            print(json.dumps({"result": result}), flush=True)
            return
        for line in lines:
            print(line)

    def note(self, text: str) -> None:
        """Say something besides the answer; a program is not told."""
        if not self.json:
            print(self.complete(text), file=sys.stderr, flush=True)

    def complete(self, text: str) -> str:
        """The text with its commands as they have to be typed here."""
        if self.typed is None:
            return text
        return replace(self.typed, directory=self.directory).complete(text)

    @property
    def interactive(self) -> bool:
        """Whether a person is there to be asked."""
        return not self.json and sys.stdin.isatty() and sys.stderr.isatty()


def _withheld(printers: list[PrinterTransport]) -> tuple[dict[str, Any], list[str]]:
    import json

    server = printers[-1].server
    sent = [item for printer in printers for item in printer.withheld]
    lines = [json.dumps(item, indent=2) for item in sent]
    head = f"would be sent to {server}:" if sent else f"nothing would be sent to {server}"
    return {"server": server, "would_send": sent}, [head, *lines]
