"""Start supervisord for one ROOT, once, whoever asks first."""

from __future__ import annotations

import fcntl
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from holdfast.errors import ProcessError
from holdfast.files import write_atomic
from holdfast.layout import Layout
from holdfast.runtimes import base, processes
from holdfast.runtimes.supervisor.client import Client

START_TIMEOUT = 45.0
"""Seconds. An idle machine needs 0.3 of one; a busy one has needed more than two to begin."""

SHUTDOWN_TIMEOUT = 90.0
ORPHAN_GRACE = 10.0
"""Seconds that processes of a killed supervisord get to end, before KILL."""

Quiet = Callable[[Sequence[str]], AbstractContextManager[None]]
"""Keeps requests away from the web processes of some apps for the length of a block."""


def nobody_asks(apps: Sequence[str]) -> AbstractContextManager[None]:
    """The :data:`Quiet` of a machine without visitors."""
    return nullcontext()


def control_socket(layout: Layout) -> Path:
    """Where supervisord listens; nobody else may enter its directory (0700)."""
    return layout.supervisor / "control.sock"


def ensure(layout: Layout, quiet: Quiet = nobody_asks) -> None:
    """Make supervisord run; it is asked, so a stale pid file or socket does no harm.

    Processes that a killed supervisord left behind are ended first: a supervisor cannot
    adopt them, and a second copy must not start beside them.

    Args:
        quiet: entered before web processes are ended, left once they are being started again.

    Raises:
        ProcessError: it does not start, or runs and does not answer.
    """
    client = Client(control_socket(layout))
    if client.answers():
        return
    layout.make()
    layout.supervisor.mkdir(mode=0o700, exist_ok=True)
    with _alone(layout):
        if client.answers():
            return
        _wait_for_old(layout, client)
        if client.answers():
            return
        orphans = _orphans(layout)
        webs = {file.parent.parent.name for file in orphans if file.name.startswith("web.")}
        with quiet(sorted(webs)) if webs else nullcontext():
            processes.end_groups(list(orphans.values()), ORPHAN_GRACE)
            _configure(layout)
            _start(layout, client)


def running_pid(layout: Layout) -> int | None:
    """The pid of a supervisord of this ROOT, whether it answers or not."""
    return processes.recorded(layout.supervisor / "started.pid")


def shutdown(layout: Layout) -> None:
    """End supervisord and what runs under it; does nothing where none runs.

    Raises:
        ProcessError: it does not end.
    """
    client = Client(control_socket(layout))
    pid = running_pid(layout)
    if not client.answers():
        return
    client.call("stopAllProcesses", False)
    client.call("shutdown")
    deadline = time.monotonic() + SHUTDOWN_TIMEOUT
    while pid is not None and running_pid(layout) == pid:
        if time.monotonic() > deadline:
            raise ProcessError(f"supervisord (pid {pid}) does not end", hint=f"kill {pid}")
        time.sleep(0.02)


@contextmanager
def _alone(layout: Layout) -> Iterator[None]:
    descriptor = os.open(layout.supervisor / "start.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + START_TIMEOUT + ORPHAN_GRACE + 10
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise ProcessError(
                        "another command has been starting supervisord for too long",
                        hint=f"who holds {layout.supervisor / 'start.lock'}? (fuser -v)",
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _wait_for_old(layout: Layout, client: Client) -> None:
    """Let one that is shutting down or very busy finish; never start a second beside it."""
    deadline = time.monotonic() + START_TIMEOUT
    while (pid := running_pid(layout)) is not None and not client.answers():
        if time.monotonic() > deadline:
            raise ProcessError(
                f"supervisord (pid {pid}) runs and does not answer",
                hint=f"its log is {layout.supervisor / 'supervisord.log'}; "
                f"kill {pid} ends it and its processes, the next command starts them again",
            )
        time.sleep(0.05)


def _orphans(layout: Layout) -> dict[Path, int]:
    """Processes that a killed supervisord left, by the file that records them; no engine."""
    engines = {layout.app(app).run / "engine.pid" for app in layout.apps()}
    return {
        file: pid
        for file in layout.root.glob("apps/*/run/*.pid")
        if file not in engines and (pid := processes.recorded(file)) is not None
    }


def _configure(layout: Layout) -> None:
    home = layout.supervisor
    (home / "conf.d").mkdir(exist_ok=True)
    socket = control_socket(layout)
    socket.unlink(missing_ok=True)
    lines = [
        "[supervisord]",
        f"logfile = {home / 'supervisord.log'}",
        "logfile_maxbytes = 5MB",
        "logfile_backups = 2",
        f"pidfile = {home / 'supervisord.pid'}",
        f"childlogdir = {home}",
        f"directory = {home}",
        "identifier = holdfast",
        "nocleanup = true",
        "silent = true",
        "umask = 022",
        "minprocs = 64",
        *(["user = root"] if os.geteuid() == 0 else []),
        "[unix_http_server]",
        f"file = {socket}",
        "chmod = 0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "[include]",
        "files = conf.d/*.ini",
    ]
    write_atomic(
        home / "supervisord.conf", "".join(f"{line.replace('%', '%%')}\n" for line in lines)
    )


def _start(layout: Layout, client: Client) -> None:
    """Start the daemon in a session of its own and wait until it answers."""
    home = layout.supervisor
    daemon = [sys.executable, "-P", "-m", "holdfast.runtimes.supervisor.daemon", "-n"]
    record = processes.RECORD.format(file=shlex.quote(str(home / "started.pid")))
    command = shlex.join([*daemon, "-c", str(home / "supervisord.conf")])
    (home / "started.pid").unlink(missing_ok=True)
    # The outer shell ends at once, so that the daemon is init's child and nobody's zombie.
    detached = f"{record}exec {command}"
    with (home / "start.log").open("wb") as log:
        started = subprocess.Popen(
            ["/bin/sh", "-c", f"/bin/sh -c {shlex.quote(detached)} &"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=base.machine_environment(),
            cwd=home,
            start_new_session=True,
        )
    started.wait(START_TIMEOUT)
    deadline = time.monotonic() + START_TIMEOUT
    while not client.answers():
        if _has_ended(layout) or time.monotonic() > deadline:
            raise ProcessError(
                "supervisord did not start",
                hint=f"its log is {home / 'supervisord.log'}",
                detail=(home / "start.log").read_text(errors="replace")[-2000:],
            )
        time.sleep(0.01)


def _has_ended(layout: Layout) -> bool:
    """Whether the daemon has begun, and runs no more.

    On a busy machine seconds go by before the shell has so much as written its pid down.
    """
    record = layout.supervisor / "started.pid"
    begun = record.exists() and record.stat().st_size > 0
    return begun and running_pid(layout) is None
