"""The Python that a build asks for: found on this machine, or fetched."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from holdfast.app import OLDEST_PYTHON, Dependencies
from holdfast.command import Command
from holdfast.errors import BuildError, CommandFailed
from holdfast.execute import Completed
from holdfast.releases import another_python, uv
from holdfast.releases.pythons import Pythons

_MANAGERS = (
    ("PYENV_ROOT", ".pyenv", "versions"),
    ("ASDF_DATA_DIR", ".asdf", "installs/python"),
    ("MISE_DATA_DIR", ".local/share/mise", "installs/python"),
)
"""Version managers: the variable that names their directory, its usual place in the home, and where
in it each version has a directory of its own."""


class Interpreters:
    """Finds interpreters, and remembers them.

    Args:
        directory: where uv runs.
        env: what uv is told besides.
        execute: runs a command as whoever builds, and hands its lines on if told where to;
            raises CommandFailed, or Cancelled.
        line: shows a line of what is fetched.
        note: tells the user.
    """

    def __init__(
        self,
        directory: Path,
        pythons: Pythons,
        env: Mapping[str, str],
        execute: Callable[[Command, Callable[[str], None] | None], Completed],
        line: Callable[[str], None],
        note: Callable[[str], None],
    ) -> None:
        self._directory = directory
        self._pythons = pythons
        self._env = env
        self._execute = execute
        self._line = line
        self._note = note

    def choose(self, dependencies: Dependencies) -> tuple[str, bool]:
        """The interpreter, and whether it is another than the project asks for.

        One that the machine lacks is fetched by uv. Where that can't be done, the
        machine's own serves: most projects ask for what their author had, not for what
        they need. What ``holdfast.toml`` asks for is not replaced.

        Raises:
            BuildError: there is none that will do.
        """
        request = dependencies.python
        ended = not dependencies.exact and another_python.ended(request)
        if not ended and (known := self.found(request) or self.fetched(request)) is not None:
            return known, False
        other = None if dependencies.exact else self._oldest() if ended else self.found(None)
        if other is None:
            raise _missing(request)
        self._note(
            f"Python {request} is older than 3.{OLDEST_PYTHON}, with which the app could be asked "
            f"what it is: the oldest here is used ({other}); [app] python decides otherwise"
            if ended
            else f"Python {request} is not on this machine and could not be fetched: {other} is "
            "used; install that version, or set UV_PYTHON_DOWNLOADS, if the app needs it"
        )
        return other, True

    def _oldest(self) -> str | None:
        """The oldest of this machine that the app can be asked with."""
        versions = range(OLDEST_PYTHON, another_python.NEWEST + 1)
        return next(filter(None, (self.found(f"3.{minor}") for minor in versions)), None)

    def found(self, request: str | None) -> str | None:
        """One that is on this machine."""
        if (known := self._pythons.get(request)) is not None:
            return known
        path = self._asked(request, {}) or self._asked_managers(request)
        if path is not None:
            self._pythons.set(request, path)
        return path

    def fetched(self, request: str | None) -> str | None:
        """One that uv fetches, if ``UV_PYTHON_DOWNLOADS`` does not forbid it; not too often."""
        if request is None or not uv.may_fetch() or not self._pythons.worth_fetching(request):
            return None
        try:
            self._execute(uv.fetch_python(request, self._directory, self._env), self._line)
        except CommandFailed:
            return None
        return self.found(request)

    def _asked_managers(self, request: str | None) -> str | None:
        """One of a version manager's that it has not selected.

        On ``PATH`` it has a script for every version, which fails for those; and uv ends at the
        first that it cannot ask (uv 0.13).
        """
        if request is None or not (directories := managed(os.environ, Path.home())):
            return None
        return self._asked(request, {"PATH": os.pathsep.join(map(str, directories))})

    def _asked(self, request: str | None, more: Mapping[str, str]) -> str | None:
        try:
            asking = uv.find_python(request, self._directory, {**self._env, **more})
            found = self._execute(asking, None)
        except CommandFailed:
            return None
        return found.output.strip().splitlines()[-1]


def managed(environ: Mapping[str, str], home: Path) -> list[Path]:
    """The ``bin`` of each version of CPython that a version manager has, the newest first."""
    found = [
        (tuple(map(int, path.name.split("."))), path / "bin")
        for variable, usual, below in _MANAGERS
        for path in _inside(Path(environ.get(variable) or home / usual) / below)
        if re.fullmatch(r"3(\.\d+){1,2}", path.name)
    ]
    return [path for _, path in sorted(found, reverse=True)]


def _inside(directory: Path) -> list[Path]:
    """What lies there; nothing, too, where whoever builds may not look (a user into a home)."""
    try:
        return list(directory.iterdir())
    except OSError:
        return []


def _missing(request: str | None) -> BuildError:
    wanted = f"Python {request}" if request else "a Python"
    return BuildError(
        f"{wanted} is not on this machine",
        hint="install it with the system's packages (apt-get install python3), "
        "or ask for another in [app] python; with UV_PYTHON_DOWNLOADS=automatic "
        "uv fetches it",
    )
