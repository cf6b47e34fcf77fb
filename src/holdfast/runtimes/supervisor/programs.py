"""What a process is on disk: a program of supervisord, a launcher, its variables.

::

    ROOT/supervisor/conf.d/APP.web.a.ini   the program: no secret in it
    ROOT/apps/APP/run/web.a.sh             the launcher (0700)
    ROOT/apps/APP/run/web.a.env            its variables, secrets too (0600)
    ROOT/apps/APP/run/web.a.json           release and address
    ROOT/apps/APP/run/web.a.pid            written by the launcher: pid and start time
    ROOT/apps/APP/run/web.a.starts         a byte for each start

A program file that is there means: this is supposed to run, also after a boot.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import asdict, field
from pathlib import Path

from holdfast.files import write_atomic, write_json
from holdfast.layout import AppLayout, Layout
from holdfast.records import record
from holdfast.runtimes import processes
from holdfast.runtimes.base import exec_line
from holdfast.runtimes.started import Started, read_started, reads

LOG_BYTES = "10MB"
LOG_BACKUPS = 4
ENGINE_LOG_BYTES = 1_000_000
SETTLED = 10
"""Seconds a program must run to count as started; one that ends sooner waits before the
next start (``daemon.LONGEST_DELAY``)."""

FOR_EVER = 1_000_000_000


@record
class Wanted:
    """All that a program's files are to say; ``env`` is shell text and holds secrets."""

    started: Started
    env: str = field(repr=False)
    launcher: str
    conf: str


class Program:
    """The files of one process of one app.

    Args:
        group: supervisord's name for it, unique on the machine.
        name: ``web.a``, ``worker``, ``engine``: names its files and its log.
    """

    def __init__(self, layout: Layout, app: str, name: str, group: str = "") -> None:
        self.app = app
        self.name = name
        self.group = group or f"{app}.{name}"
        self.home: AppLayout = layout.app(app)
        self.conf = layout.supervisor / "conf.d" / f"{self.group}.ini"
        self.launcher = self._file("sh")
        self.env = self._file("env")
        self.pid = self._file("pid")
        self.starts = self._file("starts")
        self.socket = self._file("sock")
        self.log = self.home.logs / f"{name}.log"

    def _file(self, kind: str) -> Path:
        return self.home.run / f"{self.name}.{kind}"

    @property
    def started(self) -> Started | None:
        """What :meth:`write` was told and :meth:`clean` has not taken back."""
        return read_started(self._file("json"))

    @property
    def grace(self) -> float:
        started = self.started
        return started.grace if started else Started("").grace

    def restarts(self) -> int:
        """Starts after the first."""
        try:
            return max(0, self.starts.stat().st_size - 1)
        except OSError:
            return 0

    def holds(self, wanted: Wanted) -> bool:
        """Whether the files say exactly that."""
        texts = ((self.env, wanted.env), (self.launcher, wanted.launcher), (self.conf, wanted.conf))
        return self.started == wanted.started and all(reads(path, text) for path, text in texts)

    def write(self, wanted: Wanted) -> None:
        """Put the files in place, the program file last."""
        self.starts.unlink(missing_ok=True)
        write_json(self._file("json"), asdict(wanted.started))
        write_atomic(self.env, wanted.env, mode=0o600)
        write_atomic(self.launcher, wanted.launcher, mode=0o700)
        write_atomic(self.conf, wanted.conf)

    def forget(self) -> None:
        """Remove the program file: it is not to run any more, whatever happens next."""
        self.conf.unlink(missing_ok=True)

    def clean(self) -> None:
        """Remove the rest of the files once the process has ended."""
        for kind in ("sh", "env", "json", "pid", "starts", "sock"):
            self._file(kind).unlink(missing_ok=True)


def program_file(program: Program, *, stop_wait: float) -> str:
    """The supervisord program of a process that is to run for ever.

    Args:
        stop_wait: seconds until supervisord itself sends KILL. It only counts when
            supervisord is shut down or whoever waits for a stop has died.
    """
    return _conf(
        program,
        {
            "autorestart": "true",
            "startsecs": str(SETTLED),
            "startretries": str(FOR_EVER),
            "stopwaitsecs": str(int(stop_wait) + 1),
        },
    )


def engine_file(program: Program) -> str:
    """The supervisord program of an engine: runs to its end, again only if it crashed."""
    return _conf(
        program,
        {
            "autorestart": "unexpected",
            "exitcodes": "0",
            "startsecs": "0",
            "startretries": str(FOR_EVER),
            "stopwaitsecs": "600",
            "stdout_logfile": "NONE",
        },
    )


def _conf(program: Program, more: Mapping[str, str]) -> str:
    clean = shlex.join([shutil.which("env") or "/usr/bin/env", "-i", "/bin/sh"])
    values = {
        "command": f"{clean} {shlex.quote(str(program.launcher))}",
        "directory": str(program.home.home),
        "umask": "022",
        "autostart": "true",
        "stopsignal": "TERM",
        "stopasgroup": "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": str(program.log),
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": str(LOG_BACKUPS),
        **more,
    }
    lines = [f"{name} = {value.replace('%', '%%')}" for name, value in values.items()]
    return "\n".join([f"[program:{program.group}]", *lines, ""])


def launcher(program: Program, directory: Path, command: str, socket: Path | None = None) -> str:
    """The shell script that becomes the process; it holds no secret itself.

    Args:
        socket: where the process is going to listen; a stale one is removed first. When
            we are root, nginx's workers are not: the socket is opened to them as soon as
            it is there, since few servers take a mode for it.
    """
    lines = [
        "#!/bin/sh",
        f"# {program.name} of {program.app}, written by holdfast",
        processes.RECORD.format(file=shlex.quote(str(program.pid))).rstrip(),
        f"printf . >> {shlex.quote(str(program.starts))}",
        f". {shlex.quote(str(program.env))}",
        f"cd {shlex.quote(str(directory))} || exit 111",
    ]
    if socket is not None:
        lines.append(f"rm -f {shlex.quote(str(socket))}")
        if os.geteuid() == 0:
            lines.append(_OPEN_SOCKET.format(socket=shlex.quote(str(socket))))
    return "\n".join([*lines, exec_line(command), ""])


def engine_launcher(program: Program, command: str) -> str:
    """The launcher of an engine, which writes its log itself.

    An engine outlives a supervisord that is killed, and must not fail at its next line
    because nobody reads its pipe.
    """
    log = shlex.quote(str(program.log))
    keep = (
        f'if [ "$(wc -c 2>/dev/null < {log} || echo 0)" -gt {ENGINE_LOG_BYTES} ]; then '
        f"mv -f {log} {log}.1; fi\nexec >> {log} 2>&1\n"
    )
    script = launcher(program, program.home.home, command)
    first, rest = script.split("\n", 1)
    return f"{first}\n{keep}{rest}"


_OPEN_SOCKET = """\
( (
while kill -0 $$ && ! [ -S {socket} ]; do sleep 0.02; done
chmod 666 {socket}
) </dev/null >/dev/null 2>&1 & )"""
"""In the background and not the server's child, which need not expect a child it never made."""
