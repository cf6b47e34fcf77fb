"""The user's own certificate: read here, sent like a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from holdfast.cli.project import Project
from holdfast.cli.show.view import View
from holdfast.errors import CertificateError, ConfigError
from holdfast.protocol import Event, Kind

_LARGEST = 1_000_000


def send(project: Project, view: View) -> None:
    """Bring the pair that ``[tls]`` names to the server; nothing is sent if it names none.

    Raises:
        ConfigError: one of the two is missing.
        CertificateError: a file cannot be read, or the server refuses the pair.
    """
    said = project.config.get("tls", {})
    paths = {name: said.get(name) for name in ("certificate", "key")}
    if not any(paths.values()) or str(paths["certificate"]).startswith("server:"):
        return
    if missing := [name for name, path in paths.items() if not path]:
        raise ConfigError(f"holdfast.toml: [tls] {missing[0]}", "is missing; the two go together")
    texts = {name: _read(project.directory, name, str(path)) for name, path in paths.items()}
    domains = project.config["app"]["domains"]
    for note in project.app.call("cert.put", domains=domains, **texts).get("notes", ()):
        view(Event(Kind.NOTE, {"text": str(note)}))


def _read(directory: Path, name: str, path: str) -> Any:
    file = directory / Path(path).expanduser()
    try:
        if file.stat().st_size > _LARGEST:
            raise CertificateError(f"[tls] {name}: {path} is far too large for one")
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CertificateError(
            f"[tls] {name}: {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None
