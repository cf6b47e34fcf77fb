"""What is read from uv's output, and which Python is tried."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.app import Dependencies
from holdfast.errors import BuildError
from holdfast.releases import another_python
from holdfast.releases.another_python import Sign, Unfit
from holdfast.releases.interpreters import managed

UNSUPPORTED = """\
error: No solution found when resolving dependencies
  cause: Because the current Python version (3.11.7) does not satisfy Python>=3.12 and \
django>=6.0,<=6.0.10 depends on Python>=3.12, we can conclude that django>=6.0,<=6.0.10 cannot be \
used.
"""
ALL = """\
  cause: Because the current Python version (3.11.7) does not satisfy Python>=3.12 and all \
versions of picky depend on Python>=3.12, we can conclude that all versions of picky cannot be used.
"""
FILE = "cause: Because picky==1.0 requires Python >=3.12 and only picky==1.0 is available, we can\n"
UNBUILT = "Resolved 8 packages in 738ms\nerror: Failed to build `lxml==4.6.1`\n  cause: Call to\n"
LISTED = Dependencies("requirements", ("requirements.txt",), ("gunicorn==23.0.0",))


def test_signs() -> None:
    """As uv 0.13 says them."""
    assert another_python.sign(UNSUPPORTED) == Sign("django>=6.0,<=6.0.10 needs Python>=3.12")
    assert another_python.sign(ALL) == Sign("picky needs Python>=3.12")
    assert another_python.sign(FILE) == Sign("picky==1.0 needs Python>=3.12")
    built = another_python.sign(UNBUILT)
    assert built == Sign("lxml cannot be built for this Python", ("lxml",), ("4.6.1",))
    cython = another_python.sign(f"{UNBUILT}AttributeError: cython_sources\n")
    assert cython is not None
    assert cython.building == ("cython<3",)
    assert another_python.sign("error: No solution found: flask==99 is not there") is None
    invalid = another_python.sign("cause: Because pandas==0.24.2 has invalid\n  metadata and you\n")
    assert invalid is not None
    assert (invalid.unbuilt, invalid.versions) == (("pandas",), ("0.24.2",))
    git = another_python.sign("  cause: Git executable not found. Ensure that Git is installed\n")
    assert git is not None
    assert git.git


def choose(
    found: dict[str, str],
    resolves: set[str],
    fetched: Callable[[str], str | None] = lambda request: None,
    asked: str | None = None,
) -> tuple[str, str] | None:
    return another_python.choose(
        Unfit(BuildError("no"), Sign("x needs another")),
        Dependencies("requirements", ("requirements.txt",), python=asked),
        "/python3.11",
        found=found.get,
        fetched=fetched,
        resolves=resolves.__contains__,
        minor=11,
    )


def test_the_nearest_of_the_machine() -> None:
    """Newer before older; one that is here before one that would have to be fetched."""
    here = {"3.9": "/9", "3.13": "/13", "3.14": "/14"}
    assert choose(here, {"3.9", "3.12", "3.13", "3.14"}) == ("3.13", "/13")
    assert choose(here, {"3.9", "3.10"}) == ("3.9", "/9")
    assert choose(here, set()) is None


def test_one_is_fetched() -> None:
    """The nearest that would do."""
    assert choose({}, {"3.12", "3.13"}, lambda request: f"/{request}") == ("3.12", "/3.12")


def test_one_cannot_be_had() -> None:
    with pytest.raises(BuildError) as caught:
        choose({"3.13": "/13"}, {"3.12"})
    assert caught.value.message == (
        "x needs another, and this one is 3.11: everything could be installed with Python 3.12, "
        "which is not on this machine and could not be fetched"
    )


def test_within_what_the_project_asks_for() -> None:
    """A range is kept to; of a version nothing else is tried."""
    here = {">=3.9,==3.12.*": "/12", "3.12": "/no"}
    assert choose(here, {"3.12"}, asked=">=3.9") == ("3.12", "/12")
    assert choose({"3.11": "/python3.11", "3.12": "/12"}, {"3.12"}, asked="3.11") is None


@pytest.mark.parametrize("asked", ["3.6", "3.7.3", "2.7", ">=3.6,<3.8", "<3.8.0", "==3.7.*"])
def test_pythons_that_have_long_ended(asked: str) -> None:
    """The app could not be asked on them: any other of this machine's is tried."""
    assert another_python.ended(asked)
    assert choose({"3.9": "/9"}, {"3.9"}, asked=asked) == ("3.9", "/9")


@pytest.mark.parametrize("asked", [None, "3", "3.8", "3.12", ">=3.6", ">=3.6,<4", "~=3.7", "<3.10"])
def test_pythons_that_have_not(asked: str | None) -> None:
    assert not another_python.ended(asked)


def test_requirements() -> None:
    """A lock names its Pythons itself."""
    assert another_python.requirements(LISTED) == (["requirements.txt"], "gunicorn==23.0.0\n")
    assert another_python.requirements(Dependencies("uv.lock", ("uv.lock",))) is None


def test_versions_of_managers(tmp_path: Path) -> None:
    """pyenv's, asdf's and mise's, the newest first; no other implementations."""
    for name in ("3.9.18", "3.12.1", "pypy3.10-7.3", "2.7.18", "3.13-dev"):
        (tmp_path / "pyenv/versions" / name / "bin").mkdir(parents=True)
    (tmp_path / ".local/share/mise/installs/python/3.11.9/bin").mkdir(parents=True)
    found = managed({"PYENV_ROOT": str(tmp_path / "pyenv")}, tmp_path)
    assert [path.parent.name for path in found] == ["3.12.1", "3.11.9", "3.9.18"]


def test_a_home_that_is_closed(tmp_path: Path) -> None:
    """An app's user builds, and may not look into root's home: there is nothing then."""
    home = tmp_path / "home"
    (home / ".pyenv/versions/3.12.1/bin").mkdir(parents=True)
    home.chmod(0)
    if root := os.geteuid() == 0:
        os.seteuid(65534)
    try:
        assert managed({}, home) == []
    finally:
        if root:
            os.seteuid(0)
        home.chmod(0o755)
    assert len(managed({}, home)) == 1
