"""What git knows of a folder. Read-only: no index is refreshed, no file of it is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from holdfast.errors import UsageError
from holdfast.records import record

_TIMEOUT = 60.0
_QUIET = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
_LOCAL = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
"""Set by git for its hooks (git(1)); they would send us to another repository."""


@record
class Repository:
    """A folder in a git work tree; names are relative to ``directory``."""

    directory: Path
    top: Path

    def tracked(self) -> list[str]:
        """Files git tracks below the folder, those of checked-out submodules too."""
        return _names(self._git("ls-files", "-z", "--cached", "--recurse-submodules"))

    def untracked(self) -> list[str]:
        """Files and folders that git neither tracks nor ignores."""
        listed = self._git(
            "ls-files",
            "-z",
            "--others",
            "--exclude-standard",
            "--directory",
            "--no-empty-directory",
        )
        return _names(listed)

    def commit(self) -> str | None:
        """HEAD, or ``None`` before the first commit."""
        found = _run(["rev-parse", "--verify", "--quiet", "HEAD"], self.directory)
        return found.stdout.decode().strip() or None if found.returncode == 0 else None

    def roots(self) -> tuple[str, ...]:
        """The commits that HEAD's history begins with; a shallow clone has none of them."""
        if self._git("rev-parse", "--is-shallow-repository").strip() == b"true":
            return ()
        return tuple(self._git("rev-list", "--max-parents=0", "HEAD").decode().split())

    def changed(self) -> list[str]:
        """Tracked files below the folder that differ from HEAD, in the index or beside it."""
        listed = ["diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--relative"]
        return _names(self._git(*listed, "HEAD", "--", "."))

    def committed(self) -> dict[str, int]:
        """Files of HEAD below the folder, with git's mode: 0o100755 may be executed."""
        found = {}
        for line in self._git("ls-tree", "-r", "-z", "HEAD").split(b"\0"):
            if line:
                about, _, name = line.partition(b"\t")
                found[os.fsdecode(name)] = int(about.split()[0], 8)
        return found

    def content(self, name: str) -> bytes:
        """A file as a checkout of HEAD would write it, by the filters that are configured."""
        return self._git("cat-file", "--filters", f"HEAD:./{name}")

    def time(self) -> int:
        """When HEAD was committed, in Unix seconds."""
        return int(self._git("show", "--no-patch", "--format=%ct", "HEAD"))

    def _git(self, *arguments: str) -> bytes:
        done = _run(arguments, self.directory)
        if done.returncode:
            raise _refused(self.directory, done.stderr)
        return done.stdout


def repository(directory: Path) -> Repository | None:
    """The repository that ``directory`` lies in; ``None`` if it lies in none.

    Raises:
        UsageError: it does, but git is not installed or refuses to look.
    """
    here = directory.resolve()
    if not any((parent / ".git").exists() for parent in (here, *here.parents)):
        return None
    _installed(f"{directory} is in a git repository")
    done = _run(["rev-parse", "--show-toplevel"], directory)
    if done.returncode:
        raise _refused(directory, done.stderr)
    return Repository(directory, Path(os.fsdecode(done.stdout.rstrip(b"\n"))))


def matching(names: Iterable[str], patterns: Path) -> set[str]:
    """Those of ``names`` that a file in gitignore(5) syntax matches.

    git itself matches, on an index made for this alone: no second reading of its rules.

    Raises:
        UsageError: git is not installed.
    """
    _installed(f"{patterns.name} is read by git")
    with tempfile.TemporaryDirectory(prefix="holdfast-") as scratch:
        where = {"GIT_DIR": scratch, "GIT_WORK_TREE": str(patterns.parent)}
        _must(["init", "--quiet", "--bare", scratch], patterns.parent, {})
        entries = b"".join(
            b"100644 e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\t" + os.fsencode(name) + b"\0"
            for name in names
        )
        _must(["update-index", "-z", "--index-info"], patterns.parent, where, entries)
        listed = ["ls-files", "-z", "--cached", "--ignored", f"--exclude-from={patterns}"]
        return set(_names(_must(listed, patterns.parent, where)))


def _must(arguments: list[str], directory: Path, env: dict[str, str], stdin: bytes = b"") -> bytes:
    done = _run(arguments, directory, env, stdin)
    if done.returncode:
        raise _refused(directory, done.stderr)
    return done.stdout


def _run(
    arguments: Iterable[str],
    directory: Path,
    env: dict[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    kept = {name: value for name, value in os.environ.items() if name not in _LOCAL}
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=directory,
            env={**kept, **_QUIET, **(env or {})},
            input=stdin,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{directory}: git did not answer within {_TIMEOUT:g} s") from None


def _names(listed: bytes) -> list[str]:
    return [os.fsdecode(name) for name in listed.split(b"\0") if name]


def _installed(why: str) -> None:
    if shutil.which("git") is None:
        raise UsageError(f"{why}, and git is not installed", hint="install git")


def _refused(directory: Path, stderr: bytes) -> UsageError:
    text = stderr.decode(errors="replace").strip()
    hint = None
    if "dubious ownership" in text:
        hint = f"git config --global --add safe.directory {directory.resolve()}"
    return UsageError(f"{directory}: git: {text.splitlines()[0] if text else 'failed'}", hint=hint)
