"""Another Python for dependencies that the one tried cannot have.

Two things are read from what uv says: that a requirement does not support this Python, and that
a package could not be built, which an old one often cannot on a newer Python, while there is a
wheel of it for an older one. Which version would do is not read but asked of uv, which resolves
the same requirements for it (``uv help pip compile``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from holdfast.app import OLDEST_PYTHON, Dependencies
from holdfast.errors import BuildError
from holdfast.records import record

NEWEST = 14
"""The last minor version of Python 3 that is tried."""

_UNSUPPORTED = (
    re.compile(r"not satisfy Python(?P<range>[<>=!~]\S*) and (?:.* of )?(?P<who>\S+) depends? on"),
    re.compile(r"(?P<who>\S+) requires Python (?P<range>[<>=!~][^\s,]*)"),
)
_UNBUILT = re.compile(
    r"Failed to (?:download and )?build `(?P<who>[\w.-]+)(?:==(?P<version>[^`]*))?`"
)
_INVALID = re.compile(r"(?P<who>[\w.-]+)==(?P<version>\S+) has (?:invalid|inconsistent) metadata")
"""Older ones say what they need in a way that is no longer taken (``numpy >=1.12.*``)."""

_BUILT_WITH = (
    (r"cython_sources|Cython\.Compiler\.Errors\.CompileError", "cython<3"),
    (r"use_2to3 is invalid", "setuptools<58"),
    (r"No module named 'pkg_resources'", "setuptools<81"),
)
"""What a build says that fails for a version of its tools that came later."""

_NO_GIT = "Git executable not found"


@record
class Sign:
    """Why another Python may help.

    Attributes:
        reason: for a person.
        unbuilt: packages that could not be built: only a wheel of theirs helps.
        versions: of each of them, as far as uv says it.
        building: what they were made to be built with, where a later version was the fault.
        git: it is no Python that lacks, but git.
    """

    reason: str
    unbuilt: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    building: tuple[str, ...] = ()
    git: bool = False


class Unfit(Exception):
    """Dependencies could not be installed, perhaps for want of another Python.

    Attributes:
        error: what is said if it is not that.
    """

    def __init__(self, error: BuildError, sign: Sign) -> None:
        super().__init__(error.message)
        self.error = error
        self.sign = sign


def sign(output: str) -> Sign | None:
    """What uv's output says of Python; ``None``: nothing."""
    if _NO_GIT in output:
        return Sign("a dependency is fetched with git, which is not installed", git=True)
    for pattern in _UNSUPPORTED:
        if match := pattern.search(output):
            return Sign(f"{match['who']} needs Python{match['range']}")
    found = (*_UNBUILT.finditer(output), *_INVALID.finditer(" ".join(output.split())))
    unbuilt = {match["who"]: match["version"] or "" for match in found}
    if not unbuilt:
        return None
    names = tuple(unbuilt)
    older = tuple(line for said, line in _BUILT_WITH if re.search(said, output))
    reason = f"{names[0]} cannot be built for this Python"
    return Sign(reason, names, tuple(unbuilt.values()), older)


def choose(
    unfit: Unfit,
    dependencies: Dependencies,
    python: str,
    *,
    found: Callable[[str], str | None],
    fetched: Callable[[str], str | None],
    resolves: Callable[[str], bool],
    minor: int,
) -> tuple[str, str] | None:
    """The nearest Python with which the dependencies can be had: this machine's, else fetched.

    Args:
        python: the one that was tried; 3.``minor``.
        found, fetched: an interpreter for a request of uv's, or ``None``.
        resolves: whether uv finds versions of everything for ``"3.12"``.

    Returns:
        its version and its path; ``None`` if no other would do.

    Raises:
        BuildError: one would, and cannot be had.
    """
    request = partial(_request, dependencies.python)
    lacking = []
    for version in _near(minor, dependencies.python):
        if (path := found(request(version))) is None:
            lacking.append(version)
        elif path != python and resolves(version):
            return version, path
    for version in filter(resolves, lacking):
        if (path := fetched(request(version))) is None:
            raise _cannot_be_had(unfit, version, minor)
        return version, path
    return None


def _near(minor: int, asked: str | None) -> Iterator[str]:
    """Versions to try, the nearest first: newer ones, then older ones; what is asked for, alone."""
    if asked is not None and re.fullmatch(r"3\.\d+", asked) and not ended(asked):
        yield asked
        return
    for other in (*range(minor + 1, NEWEST + 1), *range(minor - 1, OLDEST_PYTHON - 1, -1)):
        yield f"3.{other}"


_BOUNDS = re.compile(
    r"(?P<below><)(?P<first>\d+\.\d+)(?:\.0)?"
    r"|(?:<=|===?|~=(?=\d+\.\d+\.))?(?P<last>\d+\.\d+)[\d.*]*"
)


def ended(asked: str | None) -> bool:
    """Whether only versions are asked for with which our scripts don't run."""
    for bound in map(_BOUNDS.fullmatch, (asked or "").split(",")):
        version = tuple(map(int, (bound["first"] or bound["last"]).split("."))) if bound else None
        if version and bound and version < (3, OLDEST_PYTHON + (bound["below"] is not None)):
            return True
    return False


def _request(asked: str | None, version: str) -> str:
    """``version`` within what the project asks for, as uv takes it."""
    if asked is None or asked == version or ended(asked):
        return version
    return f"{asked},=={version}.*"


def _cannot_be_had(unfit: Unfit, version: str, minor: int) -> BuildError:
    return BuildError(
        f"{unfit.sign.reason}, and this one is 3.{minor}: everything could be installed with "
        f"Python {version}, which is not on this machine and could not be fetched",
        hint=f"install Python {version} (apt-get install python{version}-venv, where the "
        "distribution has it), or ask for another version of the package",
        detail=unfit.error.detail,
    )


def requirements(dependencies: Dependencies) -> tuple[Sequence[str], str] | None:
    """What ``uv pip compile`` is given: files, and lines for its standard input.

    ``None`` for ``uv.lock``: that is resolved already, for the Pythons that it names.
    """
    if dependencies.source == "uv.lock":
        return None
    files = list(dependencies.files[:1]) if dependencies.source != "none" else []
    return files, "".join(f"{line}\n" for line in dependencies.extra)
