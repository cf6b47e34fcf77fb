"""Certificates on disk, below ``ROOT/tls``.

::

    ROOT/tls/
      lock                    held by who asks a CA or changes what is here
      state.json              what was tried, what came of it, when to try again (0600)
      webroot/                what a CA asks for over HTTP; the edge serves it
      acme/                   certbot's own: account, keys, logs (0700)
      certs/APP/current       symbolic link to the pair that serves
      certs/APP/FINGERPRINT/  fullchain.pem, privkey.pem (0600), certificate.json

A pair is a directory of its own and never changes, so that an nginx which starts or reloads
at any moment never reads a new certificate with an old key.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from holdfast.codec import from_json, to_json
from holdfast.errors import Busy
from holdfast.files import symlink_atomic, write_atomic, write_json
from holdfast.records import record
from holdfast.tls import certificate
from holdfast.tls.certificate import Certificate

Origin = Literal["acme", "own"]
_KEPT = 2
"""Pairs of an app: the one that serves, and the one before for an nginx about to reload."""

PATIENCE = 20.0
"""Seconds: the timer's look at apps whose certificates are fine takes one, a CA 2 to 10."""


@record
class Installed:
    """A pair of files that the edge may use."""

    certificate: Certificate
    origin: Origin
    directory: Path

    @property
    def chain(self) -> Path:
        return self.directory / "fullchain.pem"

    @property
    def key(self) -> Path:
        return self.directory / "privkey.pem"


class Store:
    """What lies below ``home``, which is ``ROOT/tls``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.webroot = home / "webroot"
        self.acme = home / "acme"
        self._certs = home / "certs"
        self._state = home / "state.json"

    def make(self) -> None:
        """Make the directories; run twice, nothing changes."""
        for path, mode in ((self.home, 0o711), (self.acme, 0o700), (self._certs, 0o700)):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(mode)
        challenges = self.webroot / ".well-known" / "acme-challenge"
        challenges.mkdir(parents=True, exist_ok=True)
        for path in (self.webroot, challenges.parent, challenges):
            path.chmod(0o755)

    # pairs

    def installed(self, app: str) -> Installed | None:
        """The pair that serves, or ``None``."""
        current = self._certs / app / "current"
        try:
            directory = current.parent / current.readlink().name
            told = json.loads((directory / "certificate.json").read_text())
            return Installed(from_json(told["certificate"], Certificate), told["origin"], directory)
        except (OSError, ValueError, KeyError):
            return None

    def install(self, app: str, chain: str, key: str, origin: Origin) -> bool:
        """Make a pair the app's; the caller has checked it.

        Returns:
            whether it is another than before.
        """
        self.make()
        found = certificate.read(chain)
        directory = self._certs / app / found.fingerprint[:16]
        before = self.installed(app)
        if before and before.directory == directory and before.origin == origin:
            return False
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        write_atomic(directory / "privkey.pem", key, mode=0o600)
        write_atomic(directory / "fullchain.pem", chain, mode=0o600)
        write_json(
            directory / "certificate.json",
            {"certificate": to_json(found), "origin": origin},
            mode=0o600,
        )
        symlink_atomic(directory.name, directory.parent / "current")
        self._prune(directory.parent)
        return True

    def forget(self, app: str) -> None:
        """Remove an app's pairs and state; its lineage at certbot goes with ``forget_lineage``."""
        shutil.rmtree(self._certs / app, ignore_errors=True)
        if app in self.state():
            with self.changed() as state:
                state.pop(app, None)

    def _prune(self, home: Path) -> None:
        pairs = sorted(
            (path for path in home.iterdir() if path.is_dir() and not path.is_symlink()),
            key=lambda path: path.stat().st_mtime,
        )
        serving = (home / "current").readlink().name
        old = [path for path in pairs if path.name != serving]
        for path in old[: max(len(old) - (_KEPT - 1), 0)]:
            shutil.rmtree(path, ignore_errors=True)

    # state

    def state(self) -> dict[str, Any]:
        """What is remembered of each app; empty when nothing is."""
        try:
            value = json.loads(self._state.read_text())
        except (OSError, ValueError):
            return {}
        return value if isinstance(value, dict) else {}

    @contextmanager
    def changed(self) -> Iterator[dict[str, Any]]:
        """The state, written back at the end of the block; one at a time."""
        self.make()
        with _locked(self.home / "state.lock"):
            state = self.state()
            yield state
            write_json(self._state, state, mode=0o600)

    @contextmanager
    def alone(self, patience: float = PATIENCE) -> Iterator[None]:
        """Only one process asks a CA at a time; one that only looks is waited for.

        Args:
            patience: seconds.

        Raises:
            Busy: another one does, which takes up to minutes.
        """
        self.make()
        with _locked(self.home / "lock", patience=patience):
            yield


@contextmanager
def _locked(path: Path, *, patience: float | None = None) -> Iterator[None]:
    """Hold the lock; ``patience`` is how many seconds another holder is waited for at most.

    Raises:
        Busy: it was held for longer.
    """
    import fcntl

    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        if patience is None:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        else:
            _take(descriptor, time.monotonic() + patience)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, deadline: float) -> None:
    import fcntl

    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Busy(
                    "certificates are being asked for at this moment", hint="try again in a minute"
                ) from None
        time.sleep(0.05)
