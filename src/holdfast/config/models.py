"""What the user wrote, as frozen values: nothing guessed, ``None`` where nothing was said.

This is the schema. Each key names the reader that checks it and, in one line, what it is
for; :func:`~holdfast.config.write.render` and the tests of the documentation use both.
Times are seconds, sizes are bytes, paths are relative to the project.

Dataclasses with readers of our own, not a library's: importing cattrs takes 50 ms, more than
the 40 ms in which a config is to be loaded, and its messages would all be rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from holdfast.config.addresses import email, https_url, key_file
from holdfast.config.names import app_name, domain, network, package, python, server, variables
from holdfast.config.paths import inside, part, persistent_paths, static, url_path
from holdfast.config.tables import command_or_false, flag_or_packages, named_tables, table
from holdfast.config.units import duration, size
from holdfast.config.values import Reader, choice, count, flag, list_of, text
from holdfast.records import record

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
MEMORY, TASKS = size(32 * 10**6, 16 * 10**12), count(16, 100_000)


def key(read: Reader[Any], about: str, usual: object = None) -> Any:
    """A key of a table: how it is read, what it is for, and what holds if it is not said.

    ``usual`` is ``None`` where detection decides; the default stands in :mod:`holdfast.app`
    too, which is not imported here because that takes 10 ms (a test compares the two).
    """
    return field(default=None, metadata={"read": read, "about": about, "usual": usual})


@record
class App:
    """``[app]``: what it is and where it runs."""

    name: str | None = key(app_name, "what the app is called on the server")
    domains: tuple[str, ...] | None = key(
        list_of(domain, '["app.example.com"]'), "host names it answers for, the real one first"
    )
    server: str | None = key(server, "where it runs: local, or user@host")
    runtime: Literal["auto", "systemd", "supervisor", "compose"] | None = key(
        choice("auto", "systemd", "supervisor", "compose"),
        "what runs its processes; auto: compose where there is a Compose file",
        usual="auto",
    )
    python: str | None = key(python, "the version of Python")
    framework: Literal["django", "flask", "asgi", "wsgi", "command"] | None = key(
        choice("django", "flask", "asgi", "wsgi", "command"),
        "what it is written with, if detection is wrong",
    )


@record
class Web:
    """``[web]``: the web process, and how the edge treats its requests."""

    command: str | None = key(text, "starts the web process; it listens on $HOLDFAST_SOCKET")
    directory: str | None = key(inside, "where the command is started")
    listen: Literal["unix", "port"] | None = key(
        choice("unix", "port"),
        "unix: on $HOLDFAST_SOCKET; port: on 127.0.0.1:$PORT",
    )
    health: str | None = key(url_path, "asked until the app answers", usual="/")
    health_timeout: float | None = key(
        duration(0.1, 5 * MINUTE), "for one answer of the health path", usual=5.0
    )
    boot_timeout: float | None = key(duration(1, HOUR), "from start to healthy", usual=60.0)
    stop_grace: float | None = key(duration(0, HOUR), "from TERM to KILL", usual=30.0)
    memory: int | None = key(MEMORY, "the most memory, on a server (systemd)")
    tasks: int | None = key(TASKS, "the most processes and threads there", usual=512)
    max_body: int | None = key(
        size(1000, 10**12), "the largest request body", usual=50 * 1024 * 1024
    )
    max_line: int | None = key(count(1, 100_000), "most requests that wait in line", usual=10_000)
    max_wait: float | None = key(
        duration(1, HOUR), "the longest that a request waits in line", usual=90.0
    )
    pace: int | None = key(
        count(1, 10_000), "requests in flight at first when a line drains", usual=16
    )
    read_timeout: float | None = key(
        duration(1, DAY), "without a byte from the app, then 504", usual=60.0
    )
    long_timeout: float | None = key(
        duration(0, 7 * DAY), "for WebSockets, streams and downloads of an old release", usual=60.0
    )
    access_log: Literal["text", "json", "off"] | None = key(
        choice("text", "json", "off"), "one line a request: text, json or off", usual="text"
    )
    compress: bool | None = key(flag, "gzip answers", usual=True)
    pages: str | None = key(part, "directory with 502.html, 503.html, 504.html, maintenance.html")
    maintenance_allow: tuple[str, ...] | None = key(
        list_of(network, '["203.0.113.0/24"]'), "who still gets in during maintenance"
    )
    static: Mapping[str, str] | Literal[False] | None = key(
        static, "URL prefixes that the edge serves from directories"
    )


@record
class Process:
    """A process besides the web; ``command`` is always said."""

    command: str = field(default="", metadata={"read": text, "about": "what is started"})
    directory: str | None = key(inside, "where the command is started")
    stop_grace: float | None = key(duration(0, HOUR), "from TERM to KILL", usual=30.0)
    memory: int | None = key(MEMORY, "the most memory, on a server (systemd)")
    tasks: int | None = key(TASKS, "the most processes and threads there", usual=512)


@record
class Build:
    """``[build]``: what is done to make a release, beside its dependencies."""

    commands: tuple[str, ...] | None = key(
        list_of(text, '["npm ci"]'), "run in the release after its dependencies are installed"
    )
    requirements: str | None = key(part, "which dependency file, if there are several")
    packages: tuple[str, ...] | None = key(
        list_of(package, '["gunicorn"]'), "installed besides the dependencies"
    )
    system_packages: bool | tuple[str, ...] | None = key(
        flag_or_packages,
        "on a server apt installs what packages are compiled with, load, run; a list: those, too",
        usual=True,
    )


@record
class Release:
    """``[release]``: what runs once before a release serves."""

    command: str | Literal[False] | None = key(
        command_or_false, "run once before a release serves; false: none"
    )
    timeout: float | None = key(duration(1, DAY), "for the release command", usual=600.0)


@record
class Compose:
    """``[compose]``: what a Compose project cannot say about itself."""

    files: tuple[str, ...] | None = key(
        list_of(part, '["compose.yaml", "compose.production.yaml"]'),
        "the Compose files, the later ones laid over the earlier",
    )
    web: str | None = key(text, "the service that answers")
    port: int | None = key(count(1, 65535), "where it listens in its container")
    profiles: tuple[str, ...] | None = key(list_of(text, '["worker"]'), "the profiles that are on")
    publish: tuple[str, ...] | None = key(
        list_of(text, '["mqtt"]'), "services whose published ports stay open to the outside"
    )
    build: Literal["server", "here", "pull"] | None = key(
        choice("server", "here", "pull"),
        "where images are built: there, or where the command runs; or not at all, but pulled",
    )
    build_cache: int | None = key(
        size(0, 10**15), "what builds may leave behind on the server", usual=10 * 10**9
    )


@record
class Django:
    """``[django]``: what is added to settings that were made for development."""

    overlay: bool | None = key(flag, "add what settings lack to be served", usual=True)
    leave: tuple[str, ...] | None = key(
        list_of(text, '["DEBUG"]'), "settings left as they are, and build commands left out"
    )


@record
class Persist:
    """``[persist]``: what outlives releases."""

    paths: tuple[str, ...] | None = key(
        persistent_paths, "what the app writes to; kept from release to release"
    )
    detect: bool | None = key(flag, "find more such paths", usual=True)


@record
class Deploy:
    """``[deploy]``: how one release follows another."""

    strategy: Literal["auto", "handover", "hold"] | None = key(
        choice("auto", "handover", "hold"),
        "how a release is replaced",
        usual="auto",
    )
    longest_hold: float | None = key(duration(1, HOUR), "then a deploy gives up", usual=60.0)
    drain: float | None = key(duration(0, HOUR), "for requests in flight in a handover", usual=10.0)
    lease: float | None = key(
        duration(2, HOUR), "how long the edge holds without hearing from the deploy", usual=15.0
    )
    keep: int | None = key(count(1, 100), "releases kept on disk", usual=5)


_key = key


@record
class Tls:
    """``[tls]``: how the app gets to HTTPS."""

    acme: bool | None = _key(flag, "a certificate is asked for and renewed by itself", usual=True)
    email: str | None = _key(email, "whom the CA writes to")
    directory: str | None = _key(
        https_url, "the CA's ACME directory", usual="https://acme-v02.api.letsencrypt.org/directory"
    )
    certificate: str | None = _key(
        key_file, "one of your own: a file of the project, or server:/path"
    )
    key: str | None = _key(key_file, "its private key, likewise")
    hsts: bool | None = _key(flag, "browsers keep to HTTPS once it is proven", usual=True)


@record
class Config:
    """Everything the user said.

    Attributes:
        files: the files it was read from, as they are called in messages; no part of the
            value, and not in its JSON.
        warnings: what is allowed but may not be meant, one line each; likewise.
    """

    app: App = field(default_factory=App, metadata={"read": table(App, "app")})
    web: Web = field(default_factory=Web, metadata={"read": table(Web, "web")})
    processes: Mapping[str, Process] = field(
        default_factory=dict, metadata={"read": named_tables(Process)}
    )
    build: Build = field(default_factory=Build, metadata={"read": table(Build, "build")})
    release: Release = field(default_factory=Release, metadata={"read": table(Release, "release")})
    env: Mapping[str, str] = field(default_factory=dict, metadata={"read": variables})
    compose: Compose = field(default_factory=Compose, metadata={"read": table(Compose, "compose")})
    django: Django = field(default_factory=Django, metadata={"read": table(Django, "django")})
    persist: Persist = field(default_factory=Persist, metadata={"read": table(Persist, "persist")})
    deploy: Deploy = field(default_factory=Deploy, metadata={"read": table(Deploy, "deploy")})
    tls: Tls = field(default_factory=Tls, metadata={"read": table(Tls, "tls")})
    files: tuple[str, ...] = field(default=(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
