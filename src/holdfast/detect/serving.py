"""The command line of each server: where it listens, whom it trusts, when it gives up.

``$HOLDFAST_SOCKET`` lies in a directory that only the app's user and the edge can enter,
so whoever connects is the edge: forwarded headers may be trusted whatever "address" a
unix socket's peer has (it has none). On a TCP port any local user could connect; there
only 127.0.0.1 is trusted.

The edge closes idle connections after 1 s. A server that closed them first could do so
just as a request is on its way; so each keeps them for longer.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import Literal

from holdfast.detect.machine import Machine, Shape
from holdfast.detect.project import Candidate
from holdfast.records import record

KEEP_ALIVE = 5
"""Seconds; more than the edge's 1 s."""

Listen = Literal["unix", "port"]


@record
class Wanted:
    """What a command line is made of.

    Attributes:
        target: the app as servers name it, without the call of a factory.
        grace: seconds from TERM to KILL; the server must give up a little before.
        boot: seconds that the app may take to boot.
        versions: of the installed servers; empty if unknown.
        workers: ``None`` leaves it to ``$WEB_CONCURRENCY``, which the app's env sets.
        settings: what a configuration file of gunicorn sets.
        worker: gunicorn's worker class.
    """

    candidate: Candidate
    shape: Shape
    machine: Machine
    grace: float
    boot: float
    listen: Listen = "unix"
    versions: Mapping[str, str] | None = None
    own_workers: bool = False
    settings: frozenset[str] = frozenset()
    worker: str = "gthread"

    @property
    def graceful(self) -> int:
        """Whole seconds, two less than the grace: then nothing is left for KILL."""
        return max(1, int(self.grace) - 2)

    @property
    def called(self) -> str:
        """``notes:app``, or ``notes:create_app()`` for servers that take a call."""
        return self.candidate.target + ("()" if self.candidate.factory else "")

    def at_least(self, server: str, *version: int) -> bool:
        """Whether the installed server is that new; yes if that is not known."""
        known = (self.versions or {}).get(server)
        if known is None:
            return True
        numbers = tuple(int(item) for item in re.findall(r"\d+", known)[: len(version)])
        return numbers >= version


@record
class Line:
    """A command for ``/bin/sh`` and how it listens."""

    command: str
    listen: Listen


def line(server: str, wanted: Wanted) -> Line:
    """The command line of a server for an app.

    It starts with ``exec``: Debian's ``sh -c`` stays in between otherwise (dash 0.5.12),
    and the TERM meant for the server would end the shell alone.
    """
    made = _SERVERS[server](wanted)
    return Line(f"exec {made.command}", made.listen)


def _joined(*words: str | tuple[str, ...]) -> str:
    """Words for the shell; those with ``$`` come quoted already."""
    flat: list[str] = []
    for word in words:
        flat += [word] if isinstance(word, str) else word
    return " ".join(item if "$" in item else shlex.quote(item) for item in flat)


def _gunicorn(wanted: Wanted) -> Line:
    unix = wanted.listen == "unix"
    command = _joined(
        ("gunicorn", "--bind", 'unix:"$HOLDFAST_SOCKET"' if unix else '127.0.0.1:"$PORT"'),
        gunicorn_options(wanted),
        wanted.called,
    )
    return Line(command, wanted.listen)


def gunicorn_options(wanted: Wanted) -> tuple[str, ...]:
    """gunicorn's options but for where to listen.

    ``--timeout`` covers the import of the app in a worker, so it is the boot's time.
    The control socket (since 25.1) would be one file for all apps of a user.
    """
    own = wanted.settings
    workers: tuple[str, ...] = ("--workers", str(wanted.shape.workers))
    if wanted.own_workers or "workers" in own:
        workers = ()
    worker = () if "worker_class" in own else ("--worker-class", wanted.worker)
    threads: tuple[str, ...] = ("--threads", str(wanted.shape.threads))
    if own & {"worker_class", "threads"} or wanted.worker != "gthread":
        threads = ()
    timeout = () if "timeout" in own else ("--timeout", str(max(60, int(wanted.boot))))
    shared = ("--worker-tmp-dir", "/dev/shm") if wanted.machine.shared_memory else ()  # noqa: S108
    control = ("--no-control-socket",) if wanted.at_least("gunicorn", 25, 1) else ()
    trusted = "*" if wanted.listen == "unix" else "127.0.0.1"
    return (
        *(*worker, *workers, *threads, *timeout),
        *("--graceful-timeout", str(wanted.graceful), "--keep-alive", str(KEEP_ALIVE)),
        *("--forwarded-allow-ips", trusted, *shared, *control),
    )


def _uvicorn(wanted: Wanted) -> Line:
    unix = wanted.listen == "unix"
    where = (
        ("--uds", '"$HOLDFAST_SOCKET"') if unix else ("--host", "127.0.0.1", "--port", '"$PORT"')
    )
    factory = ("--factory",) if wanted.candidate.factory else ()
    # It judges by the signature, too, and would take the object for ASGI 2.
    version = ("--interface", "asgi3") if wanted.candidate.asked else ()
    command = _joined(
        "uvicorn", where, uvicorn_options(wanted), version, factory, wanted.candidate.target
    )
    return Line(command, wanted.listen)


def uvicorn_options(wanted: Wanted) -> tuple[str, ...]:
    """uvicorn's options but for where to listen; it takes a graceful time since 0.22."""
    grace = ("--timeout-graceful-shutdown", str(wanted.graceful))
    return (
        *(
            "--proxy-headers",
            "--forwarded-allow-ips",
            "*" if wanted.listen == "unix" else "127.0.0.1",
        ),
        *("--no-access-log", "--timeout-keep-alive", str(KEEP_ALIVE)),
        *(grace if wanted.at_least("uvicorn", 0, 22) else ()),
    )


def _hypercorn(wanted: Wanted) -> Line:
    """Its socket gets the process's umask unless told otherwise; the directory guards it."""
    unix = wanted.listen == "unix"
    command = _joined(
        ("hypercorn", "--bind", 'unix:"$HOLDFAST_SOCKET"' if unix else '127.0.0.1:"$PORT"'),
        ("--umask", "0") if unix else (),
        ("--graceful-timeout", str(wanted.graceful), "--keep-alive", str(KEEP_ALIVE)),
        () if wanted.own_workers else ("--workers", str(wanted.shape.workers)),
        wanted.called,
    )
    return Line(command, wanted.listen)


def _granian(wanted: Wanted) -> Line:
    """Unix sockets since 2.6; older ones get a port."""
    unix = wanted.listen == "unix" and wanted.at_least("granian", 2, 6)
    where = (
        ("--uds", '"$HOLDFAST_SOCKET"') if unix else ("--host", "127.0.0.1", "--port", '"$PORT"')
    )
    is_wsgi = wanted.candidate.interface == "wsgi"
    command = _joined(
        ("granian", "--interface", wanted.candidate.interface),
        where,
        ("--uds-permissions", "0o666") if unix else (),
        ("--http", "1", "--workers", str(wanted.shape.workers)),
        ("--blocking-threads", str(wanted.shape.threads)) if is_wsgi else (),
        ("--workers-kill-timeout", str(wanted.graceful)),
        ("--factory",) if wanted.candidate.factory else (),
        wanted.candidate.target,
    )
    return Line(command, "unix" if unix else "port")


def _daphne(wanted: Wanted) -> Line:
    """It has no graceful time: the edge drains before it is stopped."""
    unix = wanted.listen == "unix"
    where = ("-u", '"$HOLDFAST_SOCKET"') if unix else ("-b", "127.0.0.1", "-p", '"$PORT"')
    command = _joined(
        "daphne",
        where,
        ("--proxy-headers", "--access-log", "/dev/null", "--no-server-name"),
        wanted.candidate.target,
    )
    return Line(command, wanted.listen)


def _waitress(wanted: Wanted) -> Line:
    unix = wanted.listen == "unix"
    where = (
        ('--unix-socket="$HOLDFAST_SOCKET"', "--unix-socket-perms=666")
        if unix
        else ('--listen=127.0.0.1:"$PORT"',)
    )
    command = _joined(
        "waitress-serve",
        where,
        f"--threads={wanted.shape.threads}",
        f"--trusted-proxy={'*' if unix else '127.0.0.1'}",
        "--trusted-proxy-headers=x-forwarded-for x-forwarded-proto x-forwarded-host",
        ("--call",) if wanted.candidate.factory else (),
        wanted.candidate.target,
    )
    return Line(command, wanted.listen)


_SERVERS: Mapping[str, Callable[[Wanted], Line]] = {
    "gunicorn": _gunicorn,
    "uvicorn": _uvicorn,
    "hypercorn": _hypercorn,
    "granian": _granian,
    "daphne": _daphne,
    "waitress": _waitress,
}
