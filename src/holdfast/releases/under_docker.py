"""Whether Docker is to run a release: asked before all that knows Compose is imported (0.1 s)."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path, PurePosixPath

from holdfast.compose.files import candidates
from holdfast.config import Config
from holdfast.errors import UsageError
from holdfast.protocol import Emit, Event, Kind
from holdfast.releases.contract import Source

_LARGEST = 1_000_000
"""Bytes; nobody writes a Compose file of more."""


def check_runtime(config: Config, machine: str) -> None:
    """Refuse what this machine does not do.

    Args:
        machine: its runtime; empty for any.

    Raises:
        UsageError: the app wants another.
    """
    said = config.app.runtime
    if said in ("systemd", "supervisor") and machine and said != machine:
        raise UsageError(
            f'holdfast.toml: [app] runtime = "{said}": this machine runs processes with {machine}',
            hint='"auto" takes what is there',
        )


def wanted(config: Config, source: Source, emit: Emit) -> bool:
    """Whether Docker is to run what the archive holds.

    Where there is no Docker, a project that nobody said anything about goes on as before.
    """
    if config.app.runtime not in (None, "auto"):
        return config.app.runtime == "compose"
    try:
        texts = _texts(source.archive)
    except (OSError, tarfile.TarError):
        return False  # told where it is unpacked
    if not (texts or config.compose.files):
        return False
    from holdfast.detect import composed

    if not composed.wanted(config, texts):
        return False
    if shutil.which("docker") is None:
        text = (
            "the project has a Compose file, but this machine has no Docker: the app runs as"
            ' processes; [app] runtime = "compose" insists'
        )
        emit(Event(Kind.NOTE, {"text": text}))
        return False
    return True


def _texts(archive: Path) -> dict[str, str]:
    """What may be a Compose file in an archive."""
    found = {}
    names = frozenset(candidates())
    with tarfile.open(archive) as tar:
        for member in tar:
            name = str(PurePosixPath(member.name))
            if name in names and member.isfile() and member.size < _LARGEST:
                stream = tar.extractfile(member)
                found[name] = stream.read().decode(errors="replace") if stream else ""
    return found
