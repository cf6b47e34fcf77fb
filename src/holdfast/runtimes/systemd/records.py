"""What a process is on disk: a unit, a launcher, its variables, and what was started.

::

    /etc/systemd/system/holdfast-APP.web.a.service   the unit: the same from release to release
    …/multi-user.target.wants/                       a link to it: it is to run, also after a boot
    ROOT/systemd/APP/web.a.sh                        the launcher; the app may read it
    ROOT/systemd/APP/web.a.env                       its variables, secrets too (0600)
    ROOT/systemd/APP/web.a.json                      what was started: release and address

A new release changes the launcher and the variables alone, so systemd need not read all of its
units again in every deploy (that takes 0.1 to 0.3 s).
"""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from holdfast.account import Account
from holdfast.files import symlink_atomic, sync_directory, write_atomic, write_json
from holdfast.layout import AppLayout, Layout
from holdfast.runtimes.base import exec_line
from holdfast.runtimes.started import Started, read_started, reads
from holdfast.runtimes.systemd.units import CREDENTIAL

UNITS = Path("/etc/systemd/system")
WANTED = UNITS / "multi-user.target.wants"


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that the files are to say; ``env`` is shell text and holds secrets."""

    started: Started
    env: str = field(repr=False)
    launcher: str
    unit: str


class Record:
    """The files of one process (``web.a``, ``worker``) of an app."""

    def __init__(self, layout: Layout, app: str, name: str) -> None:
        self.app = app
        self.name = name
        self.home: AppLayout = layout.app(app)
        # A dot, since names of apps and of processes have hyphens: no two are the same.
        self.unit = f"holdfast-{app}.{name}.service"
        self.directory = directory(layout, app)
        self.unit_file = UNITS / self.unit
        self.socket = self.home.run / f"{name}.sock"
        self.launcher = self._file("sh")
        self.env = self._file("env")

    def _file(self, kind: str) -> Path:
        return self.directory / f"{self.name}.{kind}"

    @property
    def started(self) -> Started | None:
        """What :meth:`write` was told and :meth:`clean` has not taken back."""
        return read_started(self._file("json"))

    @property
    def grace(self) -> float:
        started = self.started
        return started.grace if started else Started("").grace

    def holds(self, wanted: Wanted) -> bool:
        """Whether the files say exactly that."""
        texts = (
            (self.env, wanted.env),
            (self.launcher, wanted.launcher),
            (self.unit_file, wanted.unit),
        )
        return self.started == wanted.started and all(reads(path, text) for path, text in texts)

    def write(self, wanted: Wanted, account: Account) -> bool:
        """Put the files in place.

        Returns:
            whether the unit is another one: then systemd has to read it.
        """
        make_directory(self.directory)
        os.chown(self.directory, 0, account.gid)
        self.directory.chmod(0o710)
        write_json(self._file("json"), asdict(wanted.started), mode=0o600)
        write_atomic(self.env, wanted.env, mode=0o600)
        write_atomic(self.launcher, wanted.launcher, mode=0o600)
        os.chown(self.launcher, 0, account.gid)
        self.launcher.chmod(0o640)
        if reads(self.unit_file, wanted.unit):
            return False
        write_atomic(self.unit_file, wanted.unit)
        return True

    def enable(self) -> None:
        """From now on it is started at boot."""
        enable(self.unit)

    def disable(self) -> None:
        """It is not to run any more, whatever happens next."""
        disable(self.unit)

    def clean(self) -> None:
        """Remove what says what was started; the unit stays for the next release."""
        for kind in ("sh", "env", "json"):
            self._file(kind).unlink(missing_ok=True)
        self.socket.unlink(missing_ok=True)


def directory(layout: Layout, app: str) -> Path:
    """Where an app's launchers and variables lie."""
    return layout.systemd / app


def make_directory(path: Path) -> None:
    """Make an app's directory; it remembers when, for :func:`born`."""
    path.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o711)
    if not (path / "born").exists():
        write_atomic(path / "born", f"{time.time():.6f}\n", mode=0o600)


def born(layout: Layout, app: str) -> float | None:
    """When the app came here (Unix time): the journal may have lines of one before it."""
    try:
        return float((directory(layout, app) / "born").read_text())
    except (OSError, ValueError):
        return None


def units_of(app: str) -> dict[str, str]:
    """The app's processes that have a unit, running or not: unit to name."""
    start, end = f"holdfast-{app}.", ".service"
    found = (path.name for path in UNITS.glob(f"{start}*{end}"))
    return {unit: unit.removeprefix(start).removesuffix(end) for unit in found}


def enable(unit: str) -> None:
    """What ``systemctl enable`` does, without having systemd read everything again."""
    link = WANTED / unit
    WANTED.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        symlink_atomic(UNITS / unit, link)


def disable(unit: str) -> None:
    """What ``systemctl disable`` does."""
    link = WANTED / unit
    if link.is_symlink():
        link.unlink()
        sync_directory(WANTED)


def launcher(record: Record, where: Path, command: str, socket: Path | None = None) -> str:
    """The shell script that becomes the process; it holds no secret itself.

    Args:
        socket: where the process is going to listen; a stale one is removed first. Some servers
            open it to their own user alone: it is opened to the group, which nginx is in, as
            soon as it is there.
    """
    lines = [
        f"# {record.name} of {record.app}, written by holdfast",
        f'. "$CREDENTIALS_DIRECTORY"/{CREDENTIAL}',
        "unset CREDENTIALS_DIRECTORY",
        f"cd {shlex.quote(str(where))} || exit 111",
    ]
    if socket is not None:
        lines += [
            f"rm -f {shlex.quote(str(socket))}",
            _OPEN_SOCKET.format(socket=shlex.quote(str(socket))),
        ]
    return "\n".join([*lines, exec_line(command), ""])


_OPEN_SOCKET = """\
( (
while kill -0 $$ && ! [ -S {socket} ]; do sleep 0.02; done
chmod 660 {socket}
) </dev/null >/dev/null 2>&1 & )"""
"""In the background and not the server's child, which need not expect a child it never made."""
