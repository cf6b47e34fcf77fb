"""The few things done with git, with an identity of its own and nobody's configuration."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

TIMEOUT = 30.0
SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "An author",
    "GIT_AUTHOR_EMAIL": "author@example.com",
    "GIT_COMMITTER_NAME": "An author",
    "GIT_COMMITTER_EMAIL": "author@example.com",
}


class Repository:
    """A git repository in ``path``, which has commits only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        return (self.path / ".git").is_dir()

    def init(self) -> None:
        self._git("-c", "init.defaultBranch=main", "init", "--quiet")

    def commit(self, message: str) -> None:
        """Commit everything that is not ignored, even if nothing has changed."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)

    def messages(self) -> list[tuple[str, str]]:
        """Every commit, newest first: its id and message."""
        listed = self._git("log", "--format=%H %s").splitlines()
        return [(line.partition(" ")[0], line.partition(" ")[2]) for line in listed]

    def restore(self, commit: str) -> None:
        """Make the files those of ``commit``; the next commit comes on top of the last."""
        self._git("read-tree", "--reset", "-u", commit)

    def _git(self, *arguments: str) -> str:
        outside = {name: value for name, value in os.environ.items() if name[:4] != "GIT_"}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**outside, **SETTINGS},
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
        return done.stdout
