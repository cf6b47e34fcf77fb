"""nginx's configuration, from templates: one file for the edge, one for each app."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from holdfast.app import AppSpec, Static
from holdfast.edge.settings import Settings
from holdfast.errors import EdgeError

_PLACE = re.compile(r"\{\{(\w+)\}\}")
_SAFE = re.compile(r"[\w./*+~@:,=%-]+\Z")

CONNECTIONS = 16384
"""A worker's connections: a full line of 10,000 and what goes to the apps."""

_COMPRESSED = (
    "text/css text/plain text/xml text/javascript application/javascript application/json"
    " application/xml application/atom+xml image/svg+xml application/manifest+json"
)


@dataclass(frozen=True, slots=True)
class Program:
    """What the nginx binary of this machine is like.

    Attributes:
        modules: files for ``load_module``; none when Lua is compiled in (OpenResty).
        ipv6: whether ``[::1]`` can be listened on.
    """

    path: str
    modules: tuple[str, ...]
    gzip_static: bool
    user: str | None
    files: int
    ipv6: bool


def package_directory(name: str) -> Path:
    """A directory of data files beside this module: ``lua``, ``pages``, ``templates``."""
    return Path(str(resources.files("holdfast.edge").joinpath(name)))


def main_config(edge: Path, settings: Settings, program: Program) -> str:
    """``nginx.conf``."""
    return _fill(
        "nginx.conf",
        modules="\n".join(f"load_module {path};" for path in program.modules),
        user=f"user {program.user};" if program.user else "",
        workers=str(settings.workers),
        files=str(program.files),
        connections=str(min(CONNECTIONS, program.files - 512)),
        edge=_safe(str(edge)),
        lua=_safe(str(package_directory("lua"))),
        listen_default=_listen(settings, program, " default_server"),
    )


def app_config(edge: Path, settings: Settings, program: Program, spec: AppSpec) -> str:
    """The server block of one app."""
    static = "\n".join(_static(spec.name, item, program) for item in spec.static)
    log = f"{edge}/logs/{spec.name}.access.log"
    return _fill(
        "app.conf",
        app=_safe(spec.name),
        listen=_listen(settings, program, ""),
        names=" ".join(_safe(name) for name in spec.domains),
        access_log="access_log off;"
        if spec.edge.access_log == "off"
        else f"access_log {_safe(log)} hf_{spec.edge.access_log} buffer=32k flush=1s;",
        max_body=str(spec.edge.max_body),
        compress=_compress(spec.edge.compress),
        read_timeout=f"{spec.edge.read_timeout:g}",
        static=static,
    )


def _listen(settings: Settings, program: Program, suffix: str) -> str:
    addresses = [f"{settings.bind}:{settings.port}"]
    if settings.bind == "127.0.0.1" and program.ipv6:
        # Browsers resolve NAME.localhost to ::1 first.
        addresses.append(f"[::1]:{settings.port}")
    elif settings.bind == "0.0.0.0" and program.ipv6:  # noqa: S104 - asked for by the user
        addresses.append(f"[::]:{settings.port}")
    return " ".join(f"listen {address}{suffix};" for address in addresses)


def _static(app: str, item: Static, program: Program) -> str:
    return _fill(
        "static.conf",
        app=_safe(app),
        url=_safe(item.url),
        directory=_safe(item.directory),
        gzip_static="on" if program.gzip_static else "off",
    )


def _compress(wanted: bool) -> str:
    if not wanted:
        return "gzip off;"
    return (
        "gzip on; gzip_comp_level 5; gzip_min_length 512; gzip_proxied any; gzip_vary on;"
        f" gzip_types {_COMPRESSED};"
    )


def _safe(text: str) -> str:
    """Text that means nothing else in nginx's configuration.

    Raises:
        EdgeError: it holds a space, a quote or another character that could.
    """
    if not _SAFE.match(text):
        raise EdgeError(
            f"{text!r} cannot stand in nginx's configuration",
            hint="use letters, digits and . / _ - in domains, static paths and HOLDFAST_ROOT",
        )
    return text


def _fill(template: str, **values: str) -> str:
    text = (package_directory("templates") / template).read_text()
    return _PLACE.sub(lambda match: values[match[1]], text)
