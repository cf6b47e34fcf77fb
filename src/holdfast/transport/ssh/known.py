"""The servers that this user has set up, remembered on this machine.

``$XDG_STATE_HOME/holdfast/servers.json`` (XDG Base Directory Specification); no secrets in it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from holdfast.codec import CodecError, from_json, to_json
from holdfast.errors import HoldfastError
from holdfast.files import write_json
from holdfast.records import record
from holdfast.transport.ssh.destination import Destination


@record
class Known:
    """One server.

    Attributes:
        host: as it was typed, without the user.
        set_up: Unix time of the last set-up.
    """

    host: str
    admin: str
    port: int | None
    system: str
    set_up: float

    @property
    def server(self) -> str:
        """What to type as ``--server``."""
        return Destination(self.host, port=self.port).written(self.admin)


def path() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local/state") / "holdfast" / "servers.json"


def read() -> list[Known]:
    """All of them, by name.

    Raises:
        HoldfastError: the file is damaged.
    """
    try:
        values: list[Any] = json.loads(path().read_text())
        return [from_json(value, Known) for value in values]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, CodecError) as error:
        raise HoldfastError(
            f"{path()}: cannot be read: {error}",
            hint="it only lists servers; remove it, and set-up writes it again",
        ) from None


def find(host: str, port: int | None) -> Known | None:
    """The server with this address, as far as it is known."""
    return next((item for item in read() if (item.host, item.port) == (host, port)), None)


def remember(server: Known) -> None:
    """Add or replace."""
    others = [item for item in read() if (item.host, item.port) != (server.host, server.port)]
    everything = sorted([*others, server], key=lambda item: (item.host, item.port or 0))
    path().parent.mkdir(parents=True, exist_ok=True)
    write_json(path(), to_json(everything), mode=0o600)
