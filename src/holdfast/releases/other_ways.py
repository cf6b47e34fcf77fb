"""What else to do about dependencies that could not be installed, the surest first.

Another name or other tools for a package, another Python, a compiler and headers on a server, and
at last another version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from holdfast.app import Dependencies
from holdfast.command import Command
from holdfast.distribution import headers
from holdfast.errors import BuildError, CommandFailed
from holdfast.execute import Completed
from holdfast.releases import another_python, nearest, uv
from holdfast.releases import instead as in_place
from holdfast.releases.another_python import Sign, Unfit
from holdfast.releases.interpreters import Interpreters
from holdfast.releases.system_packages import SystemPackages

_MINOR = "import sys; print(sys.version_info[1])"
_ASK_TIMEOUT = 60.0
_INDEX = re.compile(r"\s*(?:-i|-f|--(?:extra-)?index-url|--find-links|--no-index)\b")


class OtherWays:
    """The ways of one build; what was tried is not tried again.

    Args:
        execute: runs a command as whoever builds; raises CommandFailed, or Cancelled.
        listed: requirement lines as a file.
        note: tells the user.
    """

    def __init__(
        self,
        interpreters: Interpreters,
        system: SystemPackages,
        env: Mapping[str, str],
        execute: Callable[[Command, Callable[[str], None] | None], Completed],
        listed: Callable[[tuple[str, ...]], Path | None],
        note: Callable[[str], None],
    ) -> None:
        self._interpreters = interpreters
        self._system = system
        self._env = env
        self._execute = execute
        self._listed = listed
        self._note = note
        self._unbuilt: set[str] = set()
        self._reasons: set[str] = set()

    def after(
        self, unfit: Unfit, dependencies: Dependencies, source: Path, python: str
    ) -> tuple[Dependencies, str]:
        """The dependencies and the interpreter to try next, and why, for the user.

        Raises:
            BuildError: there is no way left.
        """
        sign = unfit.sign
        seen = sign.reason in self._reasons and set(sign.unbuilt) <= self._unbuilt
        self._reasons.add(sign.reason)
        self._unbuilt.update(sign.unbuilt)
        if (changed := in_place.of(sign, dependencies)) is not None:
            self._note(changed[1])
            return changed[0], python
        refusal = unfit.error
        if not (seen or dependencies.exact or sign.git):
            try:
                better = self._better(unfit, dependencies, source, python)
            except BuildError as error:
                better, refusal = None, error
            if better is not None:
                version, path = better
                self._note(f"{sign.reason}: Python {version} is used ({path})")
                return dependencies, path
        if self._compilable(sign):
            self._unbuilt.difference_update(sign.unbuilt)
            return dependencies, python
        if (other := self._nearest(sign, dependencies, source, python)) is not None:
            self._note(nearest.said(dependencies, *other, python, sign))
            return other
        raise refusal from None

    def _compilable(self, sign: Sign) -> bool:
        """Whether what could not be built may be now: the distribution has had what it takes."""
        if sign.git:
            return self._system.install(("git",), "a dependency is fetched from a repository")
        names = ", ".join(sign.unbuilt)
        return self._system.install(headers.of(sign.unbuilt), f"{names} must be compiled here")

    def _better(
        self, unfit: Unfit, dependencies: Dependencies, source: Path, python: str
    ) -> tuple[str, str] | None:
        """The version and the path of a Python with which the dependencies can be had."""
        if another_python.requirements(dependencies) is None:
            return None
        return another_python.choose(
            unfit,
            dependencies,
            python,
            found=self._interpreters.found,
            fetched=self._interpreters.fetched,
            resolves=lambda version: self._resolves(version, dependencies, source, python),
            minor=self._minor(python),
        )

    def _nearest(
        self, sign: Sign, dependencies: Dependencies, source: Path, python: str
    ) -> tuple[Dependencies, str] | None:
        """The dependencies with versions that come ready made, and the path of their Python."""
        if another_python.requirements(dependencies) is None:
            return None
        return nearest.choose(
            sign,
            dependencies,
            python,
            self._minor(python),
            found=self._interpreters.found,
            lowest=lambda requirement, version: self._lowest(
                requirement, version, dependencies, source, python
            ),
            resolves=lambda version, changed: self._resolves(version, changed, source, python),
        )

    def _resolves(
        self, version: str, dependencies: Dependencies, source: Path, python: str
    ) -> bool:
        """Whether a Python can have everything, what could not be built as wheels."""
        given = another_python.requirements(dependencies)
        if given is None:
            return False
        command = uv.resolve(
            version,
            python,
            *given,
            source,
            self._env,
            wheels=sorted(self._unbuilt),
            overrides=self._listed(dependencies.instead),
        )
        try:
            self._execute(command, None)
        except CommandFailed:
            return False
        return True

    def _lowest(
        self, requirement: str, version: str, dependencies: Dependencies, source: Path, python: str
    ) -> str | None:
        name = re.split(r"[<>=]", requirement)[0]
        lines = "\n".join((*_indexes(dependencies, source), requirement))
        command = uv.lowest(lines, name, version, python, source, self._env)
        try:
            said = self._execute(command, None).output
        except CommandFailed:
            return None
        found = re.search(r"(?m)^[\w.-]+==(\S+)", said)
        return found[1] if found else None

    def _minor(self, python: str) -> int:
        asking = Command((python, "-c", _MINOR), timeout=_ASK_TIMEOUT)
        return int(self._execute(asking, None).output)


def _indexes(dependencies: Dependencies, source: Path) -> Iterator[str]:
    """The lines of requirements files that say where packages come from."""
    for name in dependencies.files if dependencies.source == "requirements" else ():
        text = (source / name).read_text(errors="replace")
        yield from (line for line in text.splitlines() if _INDEX.match(line))
