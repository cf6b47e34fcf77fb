"""What ``docker compose config --format json`` says of a project, as far as we decide by it.

Compose itself has merged files, extended services, chosen profiles and put variables in; what is
read here is what it will run (https://docs.docker.com/reference/compose-file/).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfast.records import record

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""In Compose's own order; the first that is there counts."""

PRODUCTION = (
    *(
        f"{stem}{between}{kind}.{end}"
        for between in ".-_"
        for stem in ("compose", "docker-compose")
        for kind in ("production", "prod")
        for end in ("yaml", "yml")
    ),
    *(f"{kind}.{end}" for kind in ("production", "prod") for end in ("yaml", "yml")),
)
"""What people call a file for a server; ``production.yml`` is cookiecutter-django's."""

BASES = tuple(
    f"{stem}.{kind}.{end}"
    for stem in ("compose", "docker-compose")
    for kind in ("base", "common")
    for end in ("yaml", "yml")
)
"""What a file is called that others are laid over and that is nothing alone."""

FOLDERS = ("deploy", "deployment", "docker")
"""Where a project has its Compose file if there is none at its top."""

DEVELOPMENT = tuple(
    f"{stem}.override.{end}" for stem in ("compose", "docker-compose") for end in ("yaml", "yml")
)
"""What Compose lays over by itself on the author's machine: made for development."""

COMPLETED, HEALTHY = "service_completed_successfully", "service_healthy"

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000001}


@record
class Mount:
    """A volume of a service: ``kind`` is ``bind``, ``volume``, ``tmpfs``, …"""

    kind: str
    source: str
    target: str
    read_only: bool
    raw: Mapping[str, Any]


@record
class Service:
    """One service.

    Attributes:
        published: its ports as others reach them: container's port, host's port, host's address.
        completes: services of which it waits that they have ended well.
        build: the build's definition, or ``None``.
        grace: seconds from TERM to KILL; Compose's default is 10.
        raw: all that Compose said.
    """

    name: str
    image: str
    build: Mapping[str, Any] | None
    published: tuple[tuple[int, str, str], ...]
    exposed: tuple[int, ...]
    labels: Mapping[str, str]
    environment: Mapping[str, str | None]
    command: tuple[str, ...]
    entrypoint: tuple[str, ...]
    mounts: tuple[Mount, ...]
    depends: tuple[str, ...]
    completes: tuple[str, ...]
    check: tuple[str, ...]
    grace: float
    restart: str
    raw: Mapping[str, Any]

    @property
    def said(self) -> str:
        """Entrypoint and command as one line."""
        return " ".join((*self.entrypoint, *self.command))


@record
class Project:
    """The services of a project by name; ``raw`` is the whole document."""

    services: Mapping[str, Service]
    raw: Mapping[str, Any]


def directory(source: Path, files: Sequence[str]) -> Path:
    """Where Compose takes relative paths from, and ``.env``: where the first of its files lies."""
    return (source / files[0]).parent


def elsewhere(context: str) -> bool:
    """Whether a build's context is no directory, but an address that the builder fetches."""
    return "://" in context or context.startswith(("git@", "github.com/"))


def read(document: Mapping[str, Any]) -> Project:
    """The project that Compose printed."""
    services = document.get("services") or {}
    return Project({name: _service(name, said) for name, said in services.items()}, document)


def _service(name: str, said: Mapping[str, Any]) -> Service:
    depends = said.get("depends_on") or {}
    check = said.get("healthcheck") or {}
    return Service(
        name=name,
        image=str(said.get("image") or ""),
        build=said.get("build"),
        published=tuple(_port(item) for item in said.get("ports") or ()),
        exposed=tuple(int(re.split(r"[/-]", str(item))[0]) for item in said.get("expose") or ()),
        labels={str(key): str(value) for key, value in (said.get("labels") or {}).items()},
        environment=said.get("environment") or {},
        command=_words(said.get("command")),
        entrypoint=_words(said.get("entrypoint")),
        mounts=tuple(_mount(item) for item in said.get("volumes") or ()),
        depends=tuple(depends),
        completes=tuple(key for key, how in depends.items() if how.get("condition") == COMPLETED),
        check=() if check.get("disable") else _words(check.get("test")),
        grace=seconds(str(said.get("stop_grace_period") or "10s")),
        restart=str(said.get("restart") or ""),
        raw=said,
    )


def _port(item: Mapping[str, Any]) -> tuple[int, str, str]:
    return int(item["target"]), str(item.get("published") or ""), str(item.get("host_ip") or "")


def _words(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _mount(item: Mapping[str, Any]) -> Mount:
    return Mount(
        str(item.get("type") or ""),
        str(item.get("source") or ""),
        str(item.get("target") or ""),
        bool(item.get("read_only")),
        item,
    )


def seconds(text: str) -> float:
    """A duration as Compose prints it, ``1m30s``."""
    return sum(float(number) * _SECONDS[unit] for number, unit in _DURATION.findall(text))
