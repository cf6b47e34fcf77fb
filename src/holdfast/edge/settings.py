"""What the edge of one machine was set up with, remembered from its first start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from holdfast.errors import EdgeError, UsageError
from holdfast.files import write_json
from holdfast.records import record

DEFAULT_PORT = 8080
HTTP, HTTPS = 80, 443
EVERYWHERE = "0.0.0.0"  # noqa: S104 - a web server is there to be reached


@record
class Settings:
    """Port and workers of the edge.

    Attributes:
        bind: the address it listens on; loopback unless said otherwise.
        workers: nginx worker processes. One keeps requests strictly in order, and passes
            tens of thousands of requests a second, which no Python app on one server reaches.
        tls_port: where HTTPS is served, if not on 443 beside 80.
    """

    port: int = DEFAULT_PORT
    workers: int = 1
    bind: str = "127.0.0.1"
    tls_port: int | None = None

    @property
    def tls(self) -> int | None:
        """The port of HTTPS; ``None`` where there is none: on a port that nobody types."""
        return self.tls_port or (HTTPS if self.port == HTTP else None)


def load(path: Path) -> Settings | None:
    """The settings in ``path``, or ``None`` before the first start.

    Raises:
        EdgeError: the file is damaged.
    """
    try:
        found = Settings(**json.loads(path.read_text()))
        if not (0 < found.port < 65536 and found.workers > 0):
            raise ValueError("values that cannot be")
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise EdgeError(
            f"{path}: damaged ({error})", hint="remove it; the next deploy writes it anew"
        ) from None
    return found


def wanted(
    path: Path,
    port: int | None,
    workers: int | None,
    tls_port: int | None = None,
    *,
    server: bool = False,
) -> Settings:
    """The remembered settings, changed by what is asked for now.

    Args:
        port: beats ``HOLDFAST_PORT``, which counts before the first start alone, as
            ``HOLDFAST_BIND`` and ``HOLDFAST_TLS_PORT`` do.
        server: this machine is there for visitors: port 80 of all its addresses, unless
            something else is said.
    """
    known = load(path)
    usual = HTTP if server else DEFAULT_PORT
    return Settings(
        port=port or (known.port if known else _port("HOLDFAST_PORT") or usual),
        workers=workers or (known.workers if known else 1),
        bind=known.bind
        if known
        else os.environ.get("HOLDFAST_BIND") or (EVERYWHERE if server else "127.0.0.1"),
        tls_port=tls_port or (known.tls_port if known else _port("HOLDFAST_TLS_PORT")),
    )


def remember(path: Path, chosen: Settings) -> None:
    """Write the settings down if they have changed."""
    if load(path) != chosen:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(chosen))


def _port(variable: str) -> int | None:
    text = os.environ.get(variable)
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) < 65536:
        raise UsageError(f"{variable}={text}: not a port", hint="a number from 1 to 65535")
    return int(text)
