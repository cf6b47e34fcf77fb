"""A dry run: what only reads goes to the server, what would change it is kept to be shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfast.config.secrets import looks_secret
from holdfast.masking import masking
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

_TABLES = frozenset({"env", "values"})
"""What tables of variables are called in requests."""


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
    """The request as it may be seen.

    No table of variables keeps its values, wherever it stands: ``values`` of env.set, ``env``
    of the config that a deploy is sent. A secret among them is taken out of the rest, too: a
    command may spell it out.
    """
    sent = request.to_json()
    secret = [value for name, value in _variables(sent["params"]) if looks_secret(name, str(value))]
    shown: dict[str, Any] = _shown(sent, masking(map(str, secret)))
    if request.method == "cert.put":
        shown["params"]["key"] = "***"
    return shown


def _variables(value: object) -> Iterator[tuple[str, object]]:
    """Every variable in a request, with its value."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _TABLES and isinstance(item, Mapping):
                yield from item.items()
            else:
                yield from _variables(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _variables(item)


def _shown(value: Any, masked: Callable[[str], str]) -> Any:
    """A copy in which no variable has its value."""
    if isinstance(value, Mapping):
        return {
            key: dict.fromkeys(item, "***")
            if key in _TABLES and isinstance(item, Mapping)
            else _shown(item, masked)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_shown(item, masked) for item in value]
    return masked(value) if isinstance(value, str) else value
