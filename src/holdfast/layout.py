"""Where things lie under Holdfast's root directory of one machine.

::

    ROOT/
      journal.db            every deploy and step (SQLite)
      edge/                 nginx: its config, gates, logs
      edge/control/         the control socket; nobody else may enter (0700)
      tls/                  certificates, and what was tried to get them
      supervisor/           supervisord: its config, socket, logs
      systemd/APP/          what systemd starts: variables, launchers (for root alone)
      compose/APP/          what Docker starts: projects with variables, overrides (likewise)
      cache/uv/             downloaded and built packages, shared by all apps
      apps/APP/
        lock                held (flock) by the one deploy of the app
        env.json            the app's environment and secrets (0600)
        origin.json         where the project is deployed from
        written.json        what is kept because the app wrote it, though nobody had found it
        data/               what persists: linked into every release
        snapshots/          copies of databases, made while a deploy holds
        envs/KEY/           virtual environments, one for each set of dependencies
        incoming/ID.tar     source that has arrived and is not built yet
        sent/               the source that came over SSH last: the next need not send it again
        releases/ID/        one release: release.json, src/
        current             symbolic link to the release that serves
        run/                sockets, launchers, pid files
        logs/               what the processes printed
        home/               the home directory of the app's own user, where it has one
        cache/              its downloaded and built packages, likewise

A unix socket's path has at most 107 bytes (unix(7)); :func:`check` says so early.
"""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.errors import UsageError
from holdfast.records import record

LONGEST_ROOT = 50
"""Bytes of ROOT that leave room for ``apps/NAME/run/web.a.sock`` in 107 bytes."""


def default_root() -> Path:
    """``$HOLDFAST_ROOT``; for root ``/var/lib/holdfast``; else in the user's data home.

    The last is ``$XDG_DATA_HOME/holdfast`` (XDG Base Directory Specification).
    """
    if chosen := os.environ.get("HOLDFAST_ROOT"):
        return Path(chosen)
    if os.geteuid() == 0:
        return Path("/var/lib/holdfast")
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local/share") / "holdfast"


@record
class AppLayout:
    """The directories of one app."""

    root: Path
    name: str

    @property
    def home(self) -> Path:
        return self.root / "apps" / self.name

    @property
    def lock(self) -> Path:
        return self.home / "lock"

    @property
    def env_file(self) -> Path:
        return self.home / "env.json"

    @property
    def origin(self) -> Path:
        """Where the project is deployed from (:mod:`holdfast.releases.origin`)."""
        return self.home / "origin.json"

    @property
    def written(self) -> Path:
        """What is kept because the app wrote it (:mod:`holdfast.releases.written`)."""
        return self.home / "written.json"

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def snapshots(self) -> Path:
        return self.home / "snapshots"

    @property
    def envs(self) -> Path:
        return self.home / "envs"

    @property
    def incoming(self) -> Path:
        return self.home / "incoming"

    @property
    def sent(self) -> Path:
        return self.home / "sent"

    @property
    def releases(self) -> Path:
        return self.home / "releases"

    @property
    def current(self) -> Path:
        return self.home / "current"

    @property
    def run(self) -> Path:
        return self.home / "run"

    @property
    def expected(self) -> Path:
        """Touched when a deploy is about to be asked for."""
        return self.run / "expected"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def user_home(self) -> Path:
        return self.home / "home"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    def make(self) -> None:
        """Make every directory; run twice, nothing changes."""
        self.home.mkdir(parents=True, exist_ok=True)
        for path in (self.incoming, self.releases, self.envs, self.run, self.logs):
            path.mkdir(exist_ok=True)
        for path in (self.data, self.snapshots):
            path.mkdir(mode=0o700, exist_ok=True)
            # Opened on purpose to the group, for nginx, where it serves uploads (0750).
            if path.stat().st_mode & 0o7777 != 0o750:
                path.chmod(0o700)


@record
class Layout:
    """The directories of one machine."""

    root: Path

    @property
    def journal(self) -> Path:
        return self.root / "journal.db"

    @property
    def edge(self) -> Path:
        return self.root / "edge"

    @property
    def tls(self) -> Path:
        return self.root / "tls"

    @property
    def supervisor(self) -> Path:
        return self.root / "supervisor"

    @property
    def systemd(self) -> Path:
        return self.root / "systemd"

    @property
    def compose(self) -> Path:
        return self.root / "compose"

    @property
    def uv_cache(self) -> Path:
        return self.root / "cache" / "uv"

    def app(self, name: str) -> AppLayout:
        return AppLayout(self.root, name)

    def apps(self) -> list[str]:
        """The names of the apps that have a directory here, sorted."""
        home = self.root / "apps"
        return (
            sorted(path.name for path in home.iterdir() if path.is_dir()) if home.is_dir() else []
        )

    def make(self) -> None:
        """Make ROOT; run twice, nothing changes.

        Raises:
            UsageError: ROOT is too long for a socket below it, or cannot be made.
        """
        check(self.root)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.uv_cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{self.root}: cannot be made: {error.strerror}",
                hint="set HOLDFAST_ROOT to a directory you can write",
            ) from error


def check(root: Path) -> None:
    """Refuse a root that would make socket paths too long."""
    if len(os.fsencode(root.absolute())) > LONGEST_ROOT:
        raise UsageError(
            f"HOLDFAST_ROOT={root}: longer than {LONGEST_ROOT} bytes",
            hint="unix sockets below it would have paths too long for the kernel; choose another",
        )
