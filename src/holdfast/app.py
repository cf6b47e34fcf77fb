"""What is deployed, with no guess left in it.

``config`` says what the user wrote, ``detect`` what the project is; the resolver in
``detect`` makes one :class:`AppSpec` of both. It travels with its release
(``release.json``), so that a rollback runs what ran, not what today's config says.

Times are seconds, sizes are bytes, paths are relative to the release's source unless
they are said to be absolute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Literal

from holdfast.records import record


class StrategyChoice(StrEnum):
    """What the user asked for; the plan turns ``auto`` into one of the others."""

    AUTO = "auto"
    HANDOVER = "handover"
    HOLD = "hold"


DEFAULT_TASKS = 512
"""A web app has tens of threads; a fork bomb stops here, and leaves the server usable."""


OLDEST_PYTHON = 8
"""The minor version of Python 3 that asking an app takes at least (holdfast.detect.asks)."""


@record
class Dependencies:
    """How the virtual environment is filled.

    Attributes:
        source: which kind of file says so.
        files: those files; all of them make the environment's key.
        extra: packages installed besides (a server the app does not name), pinned.
        install_project: the project itself is a package that must be installed.
        python: a version request for uv (``"3.12"``), or ``None`` for the machine's.
        exact: only such a Python will do, for ``holdfast.toml`` asks for it.
        instead: requirements that take the place of all that is said of the same package.
        building: requirements of what packages are built with (``cython<3``).
        until: the day (``2024-03-01``) before which versions must have been published.
    """

    source: Literal["uv.lock", "pyproject", "requirements", "none"]
    files: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    install_project: bool = False
    python: str | None = None
    exact: bool = False
    instead: tuple[str, ...] = ()
    building: tuple[str, ...] = ()
    until: str | None = None


@record
class Web:
    """The web process.

    ``command`` is run by ``/bin/sh`` in ``directory`` and must listen where it is told:
    ``$HOLDFAST_SOCKET`` (absolute path of a unix socket) when ``listen`` is ``unix``,
    ``$PORT`` on ``127.0.0.1`` when it is ``port``. In a container it listens where it always does.

    Attributes:
        memory: bytes that the process and its children may use; ``None``: no limit.
        tasks: processes and threads that it may be; kept, as ``memory``, by the runtime
            ``systemd`` alone.
        reads_static: whether it may look at collected static files while it boots, so that they
            must be there first.
        health_said: the user has named the health path, so that the app is meant to have it.
    """

    command: str
    listen: Literal["unix", "port"] = "unix"
    directory: str = "."
    health: str = "/"
    health_timeout: float = 5.0
    boot_timeout: float = 60.0
    stop_grace: float = 30.0
    memory: int | None = None
    tasks: int = DEFAULT_TASKS
    reads_static: bool = True
    health_said: bool = False

    @property
    def wants_page(self) -> bool:
        """Whether the health path must be there: a front page may be missing, and a path that was
        found may be another's."""
        return self.health_said and self.health.partition("?")[0] != "/"


@record
class Process:
    """A process besides the web: ``worker``, ``beat``, …"""

    name: str
    command: str
    directory: str = "."
    stop_grace: float = 30.0
    memory: int | None = None
    tasks: int = DEFAULT_TASKS


@record
class ReleaseCommand:
    """What runs once before the new release serves (migrations).

    Attributes:
        known: whose migrations it runs, so that they can be asked what is pending;
            ``None`` for a command we know nothing about.
        settings: what the asking needs (``app``: the Flask app, ``manage``: manage.py's path).
    """

    command: str
    directory: str = "."
    timeout: float = 600.0
    known: Literal["django", "flask-migrate", "alembic"] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


@record
class Persist:
    """A path in the app's own tree that outlives its releases.

    Attributes:
        path: relative to the release's source.
        kind: ``directory``, or ``file`` (a SQLite database, most often).
        why: the finding, for the plan ("Django DATABASES['default']['NAME']").
    """

    path: str
    kind: Literal["directory", "file"]
    why: str


@record
class Static:
    """A URL prefix that the edge serves from a directory of the release.

    ``url`` starts and ends with ``/``.
    """

    url: str
    directory: str


@record
class Edge:
    """How the edge treats the app's requests.

    Attributes:
        max_body: largest request body, bytes.
        max_line: most requests that wait in line; the next one is answered 503.
        max_wait: the longest a request waits in line, seconds.
        pace: requests in flight while the line drains, at first (it grows as the app answers).
        read_timeout: seconds without a byte from the app before the answer is 504.
        long_timeout: seconds that WebSockets, event streams and downloads may go on
            after their release has stopped serving.
        access_log: ``text``, ``json`` or ``off``.
        compress: gzip answers of compressible types.
        pages: directory with the app's own ``502.html``, ``503.html``, ``504.html``,
            ``maintenance.html``; ``None`` for ours.
        maintenance_allow: addresses and networks (CIDR) let through in maintenance.
    """

    max_body: int = 50 * 1024 * 1024
    max_line: int = 10_000
    max_wait: float = 90.0
    pace: int = 16
    read_timeout: float = 60.0
    long_timeout: float = 60.0
    access_log: Literal["text", "json", "off"] = "text"
    compress: bool = True
    pages: str | None = None
    maintenance_allow: tuple[str, ...] = ()


@record
class Tls:
    """How the app gets to HTTPS.

    Attributes:
        acme: a certificate is asked for and renewed without anybody doing anything.
        directory: the CA's ACME directory.
        email: whom the CA writes to; ``None`` for nobody.
        certificate: a certificate of one's own, leaf first: a file of the laptop, which sends
            it, or ``server:/path`` for one of the server. ``key`` is its private key.
        hsts: browsers are told to come by HTTPS alone, once it is proven.
    """

    acme: bool = True
    directory: str = "https://acme-v02.api.letsencrypt.org/directory"
    email: str | None = None
    certificate: str | None = None
    key: str | None = None
    hsts: bool = True


@record
class Policy:
    """How the app is deployed.

    Attributes:
        strategy: what the user asked for.
        longest_hold: seconds after which a deploy gives up and opens to the old release.
        drain: seconds that requests in flight get before a handover goes on without them.
        lease: seconds for which the edge holds without hearing from the deploy.
        keep: releases kept on disk.
    """

    strategy: StrategyChoice = StrategyChoice.AUTO
    longest_hold: float = 60.0
    drain: float = 10.0
    lease: float = 15.0
    keep: int = 5


@record
class Finding:
    """Something detected: what, on what evidence; a warning is for the user to act on."""

    what: str
    value: str
    why: str
    level: Literal["info", "warning"] = "info"


@record
class Overlay:
    """Python modules of ours beside a release's source, for what the app lacks to be served.

    Attributes:
        modules: texts by their file name; importable by everything that runs the app.
        env: variables that go with them and win over all others.
    """

    modules: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


@record
class ComposeApp:
    """A project of Docker Compose, as it was read and decided when the release was built.

    Attributes:
        files: its Compose files, relative to the source, in Compose's own order.
        web: the service that answers; ``port`` is where, in its container.
        workers, steady, once: the other services: restarted with each release, left alone from
            release to release, run to their end before a release serves.
        images: the id of the image of each service that runs the app's code.
        profiles: the profiles that are on.
        dropped: mounts that are left out: ``service:target``.
        fixed: mounts that outlive the release: ``service:target`` to the absolute path of a copy
            or of what is kept; ``configs:name`` and ``secrets:name`` likewise; ``volumes:name`` to
            the directory that a named volume is, empty for one that is mounted no more.
        build_cache: bytes that builds may leave behind in the server's Docker.
        publish: services whose published ports stay as the project has them.
        behind: the services that the web passes requests on to: a release has its own of them, as
            of the web. ``ports`` are theirs, as far as the web's configuration says them.
        beside: services that share the network of one of those (``network_mode: service:web``).
        deaf: those of a slot that would not hear TERM as process 1 of their container.
        proxy: the web is nothing but a proxy, and ``behind`` has the app's code.
        ending: services that end by themselves while nobody waits for them, of workers and of
            ``steady`` ones.
        kept: what containers write where the project has no volume: ``service:target`` to the
            absolute path that is mounted there.
        taken: places of those that are filled from a container that ran before, while nobody
            writes: the container's id, a colon, and the path in it.
        named: the names of volumes to which the project gives none, by ``service:target``.
    """

    files: tuple[str, ...]
    web: str
    port: int
    workers: tuple[str, ...] = ()
    steady: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    fixed: Mapping[str, str] = field(default_factory=dict)
    build_cache: int = 10 * 10**9
    publish: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()
    ports: Mapping[str, int] = field(default_factory=dict)
    proxy: bool = False
    ending: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    deaf: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    taken: Mapping[str, str] = field(default_factory=dict)

    @property
    def slot(self) -> tuple[str, ...]:
        """What stands in a slot, in the order in which it is started."""
        return (*self.behind, self.web, *self.beside)

    @property
    def ended(self) -> tuple[str, ...]:
        """Those of ``ending`` that run once with each release."""
        return tuple(name for name in self.ending if name not in self.steady)

    @property
    def code(self) -> str:
        """The service in whose image one-off commands run."""
        return self.behind[0] if self.proxy and self.behind else self.web

    @property
    def released(self) -> tuple[str, ...]:
        """The services that come anew with each release and run the app's code."""
        slot = self.behind if self.proxy and self.behind else self.slot
        return (*slot, *self.workers, *self.once, *self.ended)


@record
class AppSpec:
    """One app, resolved.

    Attributes:
        name: lower-case letters, digits and hyphens; at most 32.
        domains: host names the edge answers for; the first is the real one.
        framework: ``django``, ``flask``, ``asgi``, ``wsgi`` or ``command``.
        build: shell commands run in the release after its dependencies are installed.
        env: plain variables from the config; secrets are kept on the server.
        generate: names of secrets to be generated once if the environment lacks them.
        split: variables with parts of the database's address, filled from ``DATABASE_URL``.
        overlay: what is put beside the source so that the app can be served as it is.
        findings: what detection decided, for the plan.
        unset: variables that name something outside of it (a database) and nobody has set, and
            where each is read.
        compose: how Docker runs it; ``None``: processes of the machine do.
        alone: why two copies of the web cannot run side by side; empty if they can.
        keeps_written: what a release has written in its own tree is looked for, and kept.
    """

    name: str
    domains: tuple[str, ...]
    framework: str
    dependencies: Dependencies
    web: Web
    processes: tuple[Process, ...] = ()
    build: tuple[str, ...] = ()
    release: ReleaseCommand | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    generate: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    persist: tuple[Persist, ...] = ()
    static: tuple[Static, ...] = ()
    edge: Edge = field(default_factory=Edge)
    policy: Policy = field(default_factory=Policy)
    overlay: Overlay = field(default_factory=Overlay)
    tls: Tls = field(default_factory=Tls)
    findings: tuple[Finding, ...] = ()
    unset: Mapping[str, str] = field(default_factory=dict)
    compose: ComposeApp | None = None
    alone: str = ""
    keeps_written: bool = True
