"""Where a server is, as ssh(1) takes it: ``host``, ``user@host``, ``user@host:port``, an alias."""

from __future__ import annotations

import re

from holdfast.errors import UsageError
from holdfast.records import record

_FORM = re.compile(
    r"""(?x) (?: (?P<user> [A-Za-z0-9._] [A-Za-z0-9._-]* ) @ )?
    (?: \[ (?P<v6> [0-9A-Fa-f:.]+ (?:%[A-Za-z0-9._-]+)? ) \]
      | (?P<bare> (?:[0-9A-Fa-f]*:){2,} [0-9A-Fa-f:.]* )
      | (?P<host> [A-Za-z0-9] [A-Za-z0-9._-]* ) )
    (?: (?<! [^\]A-Za-z0-9._-] ) : (?P<port> [0-9]{1,5} ) )?"""
)
_HIGHEST_PORT = 65535


@record
class Destination:
    """One server; what is ``None`` is left to the user's SSH configuration."""

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def name(self) -> str:
        """How messages and ``ssh`` call it."""
        return f"{self.user}@{self.host}" if self.user else self.host

    def written(self, user: str | None) -> str:
        """What to type as ``--server`` for a user there; :func:`parse` reads it."""
        host = f"[{self.host}]" if ":" in self.host and self.port is not None else self.host
        port = f":{self.port}" if self.port is not None else ""
        return f"{user}@{host}{port}" if user else f"{host}{port}"

    @property
    def argv(self) -> tuple[str, ...]:
        """The end of ssh's own arguments; ``--`` keeps a name from being read as an option."""
        port = ("-p", str(self.port)) if self.port is not None else ()
        return (*port, "--", self.name)

    @property
    def typed(self) -> str:
        """The command a person types to log in there."""
        return f"ssh -p {self.port} {self.name}" if self.port is not None else f"ssh {self.name}"


def parse(server: str) -> Destination:
    """Read what the user wrote.

    Raises:
        UsageError: no server is written like this.
    """
    found = _FORM.fullmatch(server)
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 0 < port <= _HIGHEST_PORT):
        raise UsageError(
            f"{server!r} is no server",
            hint='"local", "user@host", "user@host:port", or a name from ~/.ssh/config',
        )
    host = found["v6"] or found["bare"] or found["host"]
    return Destination(host, found["user"], port)
