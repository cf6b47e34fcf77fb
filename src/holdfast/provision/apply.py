"""Carry out the actions of items. Each can be done again: a run that was cut off is repeated."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from holdfast.command import Command
from holdfast.errors import CommandFailed, HoldfastError
from holdfast.execute import run
from holdfast.files import write_atomic
from holdfast.protocol import Emit, Event, Kind
from holdfast.provision.facts.gather import MARKER
from holdfast.provision.model import Action, Chmod, Install, Item, RemoveFile, Run, WriteFile

_APT_TIMEOUT = 1800.0
_STALE = 24 * 3600.0
"""Seconds after which apt's lists are fetched again before something is installed."""

_POLICY = Path("/usr/sbin/policy-rc.d")
_NOT_NOW = "#!/bin/sh\n# holdfast server setup: gone in a moment\nexit 101\n"
_APT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",
    "LC_ALL": "C.UTF-8",
}
_KEEP_CONFIGS = ("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold")
# Another apt (the daily timers, just after boot) is waited for.
_WAIT = ("-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3")


class Applier:
    """Carries out items, telling of each.

    Attributes:
        downloading: seconds that apt spent on lists and packages.
    """

    def __init__(self, emit: Emit, lists_age: float | None) -> None:
        self._emit = emit
        self._lists_age = lists_age
        self.downloading = 0.0

    def apply(self, item: Item) -> None:
        """Bring one item about.

        Raises:
            HoldfastError: what failed, and with it the item.
        """
        started = time.monotonic()
        self._emit(Event(Kind.STEP_STARTED, {"step": item.key, "title": item.title}))
        try:
            for action in item.actions:
                self._do(action)
        except (HoldfastError, OSError) as error:
            message = error.message if isinstance(error, HoldfastError) else str(error)
            self._emit(Event(Kind.STEP_FAILED, {"step": item.key, "message": message}))
            raise HoldfastError(
                f"{item.title}: {message}",
                hint="what was done before it stays and does no harm; run the command again",
                detail=error.detail if isinstance(error, HoldfastError) else None,
            ) from error
        seconds = round(time.monotonic() - started, 2)
        self._emit(Event(Kind.STEP_DONE, {"step": item.key, "seconds": seconds}))

    def _do(self, action: Action) -> None:
        match action:
            case WriteFile(path, text, mode):
                target = Path(path)
                _make_directory(target.parent)
                write_atomic(target, _stamped(path, text), mode=mode)
            case RemoveFile(path):
                Path(path).unlink(missing_ok=True)
            case Chmod(path, mode):
                Path(path).chmod(mode)
            case Run(argv, timeout, may_fail):
                run(Command(argv, timeout=timeout, env={"LC_ALL": "C.UTF-8"}), check=not may_fail)
            case Install(packages, upgrade):
                self._install(packages, upgrade)

    def _install(self, packages: tuple[str, ...], upgrade: bool) -> None:
        """Fetch everything, then install it: a network that goes away leaves nothing half done."""
        started = time.monotonic()
        if self._lists_age is None or self._lists_age > _STALE:
            _apt("update")
            self._lists_age = 0.0
        verbs = [("install", "--no-install-recommends", *packages)] if packages else []
        if upgrade:
            verbs.insert(0, ("upgrade", "--with-new-pkgs"))
        for verb in verbs:
            _apt("--download-only", *verb)
        self.downloading += time.monotonic() - started
        with nothing_started():
            for verb in verbs:
                _apt(*verb)


def _apt(*words: str) -> None:
    argv = ("apt-get", "-q", "-y", *_WAIT, *_KEEP_CONFIGS, *words)
    try:
        run(Command(argv, timeout=_APT_TIMEOUT, env=_APT))
    except CommandFailed as error:
        raise HoldfastError(
            f"apt-get {words[0]} failed",
            hint="see what it says, and run this again once apt-get works on the server",
            detail="\n".join(error.output.splitlines()[-12:]) or error.message,
        ) from error


@contextmanager
def nothing_started() -> Iterator[None]:
    """While packages are installed, none starts its service (invoke-rc.d(8)).

    What ought to run is started afterwards, by name. A policy of the provider's own stays.
    """
    if _POLICY.exists():
        yield
        return
    write_atomic(_POLICY, _NOT_NOW, mode=0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def clear_policy() -> None:
    """Remove what a run that was killed left of :func:`nothing_started`."""
    with suppress(OSError):
        if "holdfast server setup" in _POLICY.read_text():
            _POLICY.unlink()


def _make_directory(path: Path) -> None:
    """Like ``mkdir -p``; the umask of whoever calls us does not matter."""
    if not path.is_dir():
        _make_directory(path.parent)
        path.mkdir()
        path.chmod(0o755)


def _stamped(path: str, text: str) -> str:
    """The marker gets the time at which the server was set up (first)."""
    if path != MARKER:
        return text
    value = json.loads(text)
    try:
        before = json.loads(Path(path).read_text()).get("set_up")
    except (OSError, ValueError, AttributeError):
        before = None
    value["set_up"] = before or int(time.time())
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def strict() -> None:
    """Nothing that we make is writable by others, whatever umask we were started with."""
    os.umask(0o022)
