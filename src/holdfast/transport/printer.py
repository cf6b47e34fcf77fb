"""A dry run: what only reads goes to the server, what would change it is kept to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast.protocol import Emit, Request
from holdfast.transport.contract import Transport

READING = frozenset(
    {
        "hello",
        "look",
        "status",
        "releases",
        "env.list",
        "edge.status",
        "key.list",
        "logs",
        "cert.list",
    }
)


class PrinterTransport:
    """Stands before a real transport and lets nothing through that changes something.

    Attributes:
        withheld: what would have been sent, in order; values of variables and keys are masked.
    """

    def __init__(self, real: Transport) -> None:
        self._real = real
        self.server = real.server
        self.withheld: list[dict[str, Any]] = []

    def call(self, request: Request, emit: Emit) -> dict[str, Any]:
        if request.method in READING:
            return self._real.call(request, emit)
        self.withheld.append(_masked(request))
        return {}

    def send_source(self, app: str, archive: Path) -> str:
        self.withheld.append({"source": app, "bytes": archive.stat().st_size})
        return "dry-run"

    def interactive(self, app: str, argv: Sequence[str], *, tty: bool) -> int:
        self.withheld.append({"run": list(argv), "app": app, "tty": tty})
        return 0


def _masked(request: Request) -> dict[str, Any]:
    sent = request.to_json()
    if request.method == "env.set":
        sent["params"]["values"] = dict.fromkeys(sent["params"]["values"], "***")
    if request.method == "cert.put":
        sent["params"]["key"] = "***"
    return sent
