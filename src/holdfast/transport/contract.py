"""What the command line asks of a transport; it alone knows where the server is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from holdfast.protocol import Emit, Request


class Transport(Protocol):
    """A way to the agent of one server."""

    server: str

    def call(self, request: Request, emit: Emit) -> dict[str, Any]:
        """Send a request, pass its events on, return its result.

        Raises:
            HoldfastError: what the agent raised, as the class it had there, or
                TransportError when the server cannot be reached.
        """

    def send_source(self, app: str, archive: Path) -> str:
        """Bring a tar archive to the server.

        Returns:
            the token that ``deploy`` and ``plan`` take as ``source.token``.
        """

    def interactive(self, app: str, argv: Sequence[str], *, tty: bool) -> int:
        """Run a one-off command with our own standard streams; return its exit status."""
