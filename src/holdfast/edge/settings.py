"""What the edge of one machine was set up with, remembered from its first start."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from holdfast.errors import EdgeError, UsageError
from holdfast.files import write_json

DEFAULT_PORT = 8080


@dataclass(frozen=True, slots=True)
class Settings:
    """Port and workers of the edge.

    Attributes:
        bind: the address it listens on; loopback unless said otherwise.
        workers: nginx worker processes. One keeps requests strictly in order, and passes
            tens of thousands of requests a second, which no Python app on one server reaches.
    """

    port: int = DEFAULT_PORT
    workers: int = 1
    bind: str = "127.0.0.1"


def load(path: Path) -> Settings | None:
    """The settings in ``path``, or ``None`` before the first start."""
    try:
        return Settings(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise EdgeError(
            f"{path}: damaged ({error})", hint="remove it; the next deploy writes it anew"
        ) from None


def choose(path: Path, port: int | None, workers: int | None) -> Settings:
    """The remembered settings, changed by what is asked for now, and remembered again.

    Args:
        port: beats ``HOLDFAST_PORT``, which counts at the first start alone.
    """
    known = load(path)
    chosen = Settings(
        port=port or (known.port if known else _port_from_environment()),
        workers=workers or (known.workers if known else 1),
        bind=known.bind if known else os.environ.get("HOLDFAST_BIND", "127.0.0.1"),
    )
    if chosen != known:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, asdict(chosen))
    return chosen


def _port_from_environment() -> int:
    text = os.environ.get("HOLDFAST_PORT")
    if not text:
        return DEFAULT_PORT
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise UsageError(f"HOLDFAST_PORT={text}: not a port", hint="a number from 1 to 65535")
    return int(text)
