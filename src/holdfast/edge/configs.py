"""nginx's configuration on disk, and whether nginx has read it.

Everything nginx needs is copied below ``ROOT/edge``, so that it can be started and reloaded
whatever becomes of the Holdfast that wrote it. The first line of ``nginx.conf`` says what it
was made of; ``run/loaded`` says, as a hash of the files, what nginx has read: a crash between
writing and reloading is made good by the next call.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from collections.abc import Iterable, Iterator
from pathlib import Path

from holdfast.app import AppSpec
from holdfast.codec import from_json, to_json
from holdfast.edge import render, tls
from holdfast.edge.binary import Program
from holdfast.edge.settings import Settings
from holdfast.edge.tls import Secured
from holdfast.errors import EdgeError
from holdfast.files import write_atomic, write_json
from holdfast.tls.store import Store

Before = dict[Path, str | None]
"""Files as they were: their text, or that they were not there."""


class Configs:
    """The files below ``home``, which is ``ROOT/edge``."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._main = home / "nginx.conf"
        self._apps = home / "apps"
        self._loaded = home / "run" / "loaded"
        self._store = Store(home.parent / "tls")

    # all of it

    def current(self, settings: Settings, binary: str) -> bool:
        """Whether the files were written by this Holdfast for this nginx, and nginx read them."""
        try:
            with self._main.open() as stream:
                first = stream.readline()
        except FileNotFoundError:
            return False
        return f"[{render.fingerprint(settings, binary)}]" in first and self.loaded()

    def write(self, settings: Settings, program: Program) -> Before:
        """Write everything anew: directories, Lua, pages, ``nginx.conf``, every app.

        Returns:
            the configuration as it was, for :meth:`put_back`.
        """
        self._make_directories(program)
        self._copy("lua", "lua/holdfast", "holdfast/*.lua")
        self._copy("pages", "pages", "*.html")
        self._copy("templates", ".", "mime.types")
        stamp = render.fingerprint(settings, program.path)
        before = {self._main: _text(self._main)}
        for spec in self.specs():
            before.update(self.write_app(spec, settings, program))
        _write(self._main, render.main_config(self._home, settings, program, stamp))
        return before

    def put_back(self, before: Before) -> None:
        """Undo :meth:`write` or :meth:`write_app`."""
        for path, text in before.items():
            if text is None:
                path.unlink(missing_ok=True)
            else:
                _write(path, text)

    def loaded(self) -> bool:
        """Whether nginx has read what lies here."""
        return _text(self._loaded) == self._hash()

    def mark_loaded(self) -> None:
        """Note that nginx has read what lies here."""
        write_atomic(self._loaded, self._hash())

    # one app

    def write_app(self, spec: AppSpec, settings: Settings, program: Program) -> Before:
        """Write an app's server block; nothing is written when it stays the same.

        Returns:
            the file as it was if it changed.

        Raises:
            EdgeError: another app has one of its domains, or nginx cannot serve what it wants.
        """
        path = self._apps / f"{spec.name}.conf"
        text = render.app_config(self._home, settings, program, spec, self.secured(spec, settings))
        before = _text(path)
        if before == text:
            return {}
        self.check_domains(spec.name, spec.domains)
        _write(path, text)
        return {path: before}

    def check_domains(self, app: str, domains: Iterable[str]) -> None:
        """Two apps cannot have one domain: nginx would give it to the first.

        Raises:
            EdgeError: another app has one of the domains, or one is no host name.
        """
        mine = set(render.domains(app, domains))
        for other in self.specs():
            theirs = () if other.name == app else render.domains(other.name, other.domains)
            if both := mine & set(theirs):
                raise EdgeError(
                    f"{app}: the domain {min(both)} belongs to the app {other.name}",
                    hint="give one of them another: [app] domains",
                )

    def secured(self, spec: AppSpec, settings: Settings) -> Secured | None:
        """How the app is served over TLS; ``None`` while it is not."""
        return tls.secured(self._store, settings, spec)

    def remember(self, spec: AppSpec) -> None:
        """Keep the spec, to be asked for by :meth:`spec`."""
        path = self._spec_file(spec.name)
        if self.spec(spec.name) != spec:
            write_json(path, to_json(spec), mode=0o600)

    def spec(self, app: str) -> AppSpec | None:
        """The spec an app was last configured with; ``None`` if there is none one can read."""
        try:
            return from_json(json.loads(self._spec_file(app).read_text()), AppSpec)
        except (OSError, ValueError):  # none yet, or another version wrote it
            return None

    def specs(self) -> Iterator[AppSpec]:
        """Every app's."""
        for path in sorted(self._apps.glob("*.json")):
            if spec := self.spec(path.stem):
                yield spec

    def forget(self, app: str) -> None:
        """Remove an app's files, its logs among them."""
        (self._apps / f"{app}.conf").unlink(missing_ok=True)
        self._spec_file(app).unlink(missing_ok=True)
        for log in (self._home / "logs").glob(f"{app}.access.log*"):
            log.unlink(missing_ok=True)

    # pieces

    def _spec_file(self, app: str) -> Path:
        return self._apps / f"{app}.json"

    def _hash(self) -> str:
        digest = hashlib.sha256()
        for path in (self._main, *sorted(self._apps.glob("*.conf"))):
            digest.update(f"{path.name}\0{_text(path)}\0".encode())
        return digest.hexdigest()

    def _make_directories(self, program: Program) -> None:
        for name in ("apps", "logs", "run", "tmp", "control", "pages", "lua/holdfast"):
            (self._home / name).mkdir(parents=True, exist_ok=True)
        (self._home / "control").chmod(0o700)
        if program.user is None:
            self._home.chmod(0o700)
            return
        # The workers' group may enter, nobody else: gates, logs and pages are no secrets, but
        # nobody's business.
        owner = pwd.getpwnam(program.user)
        os.chown(self._home, -1, owner.pw_gid)
        self._home.chmod(0o750)
        _check_reachable(self._home.parent, owner)

    def _copy(self, package: str, into: str, pattern: str) -> None:
        directory = self._home / into
        for path in render.package_directory(package).glob(pattern):
            if not (directory / path.name).exists() or _text(directory / path.name) != _text(path):
                _write(directory / path.name, path.read_text())


def _text(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def _write(path: Path, text: str) -> None:
    try:
        write_atomic(path, text)
    except OSError as error:
        raise EdgeError(f"{path}: cannot be written: {error.strerror}") from error


def _check_reachable(directory: Path, user: pwd.struct_passwd) -> None:
    """nginx's workers run as ``user`` and must be able to enter the directories above."""
    for path in (directory, *directory.parents):
        found = path.stat()
        bit = (
            0o100
            if found.st_uid == user.pw_uid
            else 0o010
            if found.st_gid == user.pw_gid
            else 0o001
        )
        if not found.st_mode & bit:
            raise EdgeError(
                f"{path}: nginx's workers ({user.pw_name}) cannot enter it",
                hint=f"chmod o+x {path}, or choose another HOLDFAST_ROOT",
            )
