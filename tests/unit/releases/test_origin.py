"""Whether two folders of one name hold one project or two."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from holdfast.releases.origin import Origin, is_other, origin

ME = ("-c", "user.name=Ann", "-c", "user.email=ann@example.test", "-c", "init.defaultBranch=main")


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", folder, *ME, *words], check=True, capture_output=True, timeout=60)


def repository(folder: Path, *below: str) -> Path:
    """A repository of one commit, whose message is its path."""
    for name in below or (".",):
        (folder / name).mkdir(parents=True)
        (folder / name / "app.py").write_text(str(folder))
    git(folder, "init")
    git(folder, "add", "-A")
    git(folder, "commit", "-m", str(folder))
    return folder


def test_two_repositories(tmp_path: Path) -> None:
    """They are two, whatever their folders are called; clones and later commits are the same."""
    one = repository(tmp_path / "one" / "backend")
    two = repository(tmp_path / "two" / "backend")
    known = origin(one)
    assert is_other(known, origin(two))
    clone = tmp_path / "clone" / "backend"
    git(tmp_path, "clone", str(one), str(clone))
    git(clone, "commit", "--allow-empty", "-m", "more")
    assert not is_other(known, origin(clone))
    assert not is_other(known, origin(one))


def test_a_shallow_clone(tmp_path: Path) -> None:
    """It does not know its first commit, as in CI: nobody is refused for that."""
    one = repository(tmp_path / "one" / "backend")
    git(one, "commit", "--allow-empty", "-m", "more")
    shallow = tmp_path / "ci" / "backend"
    git(tmp_path, "clone", "--depth=1", one.as_uri(), str(shallow))
    found = origin(shallow)
    assert (found.git, found.roots) == (True, ())
    assert not is_other(origin(one), found)


def test_one_repository(tmp_path: Path) -> None:
    """Two folders of it are two projects; one that was moved is the same."""
    top = repository(tmp_path / "mono", "a/backend", "b/backend")
    known = origin(top / "a" / "backend")
    assert is_other(known, origin(top / "b" / "backend"))
    git(top, "mv", "a/backend", "c")
    (top / "a").rmdir()
    assert not is_other(known, origin(top / "c"))


def test_without_git(tmp_path: Path) -> None:
    """Two folders of this machine are two; what was moved, or lies elsewhere, may be the same."""
    one, two = tmp_path / "one" / "backend", tmp_path / "two" / "backend"
    for folder in (one, two):
        folder.mkdir(parents=True)
    known = origin(one)
    assert is_other(known, origin(two))
    assert not is_other(replace(known, host="elsewhere"), origin(two))
    one.rmdir()
    assert not is_other(known, origin(two))


def test_git_is_asked_once(tmp_path: Path) -> None:
    """Where a project lies as before nothing is looked up."""
    known = Origin(origin(tmp_path).host, str(tmp_path.resolve()), ("f00",), git=True)
    assert origin(tmp_path, known) is known
