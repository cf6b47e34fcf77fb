"""What Python's packages need of the distribution: named, and on a server installed.

A server was given to us to run apps on, and we are root there: what a package is compiled with,
or a build fetches with, is had from the distribution by apt. Its names come from our own list, or
holdfast.toml says them; never from another file of the project. Elsewhere the machine is a person's
own, and they are only named.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence

from holdfast.command import Command
from holdfast.errors import BuildError, CommandFailed
from holdfast.execute import run
from holdfast.releases.failures import stopped

_TIMEOUT = 900.0
_ENV = {
    "DEBIAN_FRONTEND": "noninteractive",
    "APT_LISTCHANGES_FRONTEND": "none",
    "NEEDRESTART_SUSPEND": "1",  # Ubuntu would restart services, of other apps too
    "LC_ALL": "C.UTF-8",
}
_OPTIONS = (
    *("-q", "-y", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=2"),
    *("-o", "Dpkg::Options::=--force-confdef", "-o", "Dpkg::Options::=--force-confold"),
)
"""Another apt (the daily timers) is waited for; a configuration that was changed stays."""


class SystemPackages:
    """Has apt install packages, each at most once in a build.

    Args:
        allowed: on a server, where nobody said no ([build] system_packages).
    """

    def __init__(
        self,
        line: Callable[[str], None],
        note: Callable[[str], None],
        should_stop: Callable[[], bool],
        *,
        allowed: bool,
    ) -> None:
        self._line = line
        self._note = note
        self._should_stop = should_stop
        self._allowed = allowed
        self._tried: set[str] = set()

    def install(self, wanted: Sequence[str], why: str) -> bool:
        """Install those that are missing; whether there is now something that was not there.

        Args:
            why: what needs them, for the user.

        Raises:
            Cancelled: the build was stopped.
        """
        new = [name for name in wanted if name not in self._tried]
        self._tried.update(new)
        if not new or not self._may() or not (missing := [name for name in new if _lacks(name)]):
            return False
        names = " ".join(missing)
        self._note(f"{why}: apt installs {names}")
        try:
            self._fetched(missing)
            # What was begun is ended: dpkg that is cut off has to be repaired by hand.
            run(apt("install", *missing), on_line=self._line)
        except CommandFailed as error:
            stopped(self._should_stop)
            last = next((said for said in reversed(error.output.splitlines()) if said.strip()), "")
            self._note(f"apt could not install {names}: {last.strip() or error.message}")
            return False
        return True

    def provide(self, asked: Sequence[str]) -> None:
        """See to it that what holdfast.toml names is there; on somebody's own machine, say so.

        Raises:
            BuildError: apt could not install one of them.
            Cancelled: the build was stopped.
        """
        where = "[build] system_packages in holdfast.toml"
        self.install(asked, f"{where} names them")
        if not asked or shutil.which("dpkg-query") is None:
            return
        if missing := " ".join(name for name in asked if _lacks(name)):
            if self._may():
                raise BuildError(
                    f"{where}: apt could not install {missing}",
                    hint="is that its name in this release? apt-cache search finds it; what apt"
                    " said stands above",
                )
            self._note(f"{where}: not on this machine: apt-get install {missing}")

    def _may(self) -> bool:
        return self._allowed and os.geteuid() == 0 and shutil.which("apt-get") is not None

    def _fetched(self, missing: Sequence[str]) -> None:
        """Everything is on this machine before anything is changed."""
        fetching = apt("--download-only", "install", *missing)
        try:
            run(fetching, on_line=self._line, should_stop=self._should_stop)
        except CommandFailed:
            stopped(self._should_stop)
            # A new server has no lists yet, and old ones name what the mirror no longer has.
            run(apt("update"), on_line=self._line, should_stop=self._should_stop)
            run(fetching, on_line=self._line, should_stop=self._should_stop)


def apt(*words: str) -> Command:
    """One call of apt-get that asks nothing and waits for another one."""
    recommends = ("--no-install-recommends",) if "install" in words else ()
    argv = ("apt-get", *_OPTIONS, *recommends, *words)
    return Command(argv, timeout=_TIMEOUT, env=_ENV, title=f"apt-get {words[-1]}")


def _lacks(name: str) -> bool:
    """Whether a package is not installed (dpkg-query(1))."""
    asked = ("dpkg-query", "--show", "--showformat=${db:Status-Status}", name)
    said = run(Command(asked, timeout=60.0), check=False)
    return said.output.strip() != "installed"
