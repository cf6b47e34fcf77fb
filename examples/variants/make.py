"""Which kinds there are, and how one becomes the next commit."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from examples.variants import django_polls, flask_notes
from examples.variants.edit import append, set_version
from examples.variants.repository import Repository

HOME = Path(__file__).resolve().parent.parent
NOT_SOURCE = shutil.ignore_patterns(
    ".venv", "__pycache__", ".*_cache", "instance", "*.sqlite3*", "media", "staticfiles"
)
NEVER_RELEASED = "humanize==999.0\n"

Change = Callable[[Path, str], None]
"""Changes the source in a directory for a version."""


def _nothing(_tree: Path, _version: str) -> None:
    pass


def _broken_build(tree: Path, _version: str) -> None:
    append(tree / "requirements.txt", NEVER_RELEASED)


_ANY: Mapping[str, Change] = {"plain": _nothing}
_PINNED: Mapping[str, Change] = {**_ANY, "broken-build": _broken_build}

EXAMPLES: Mapping[str, tuple[str, Mapping[str, Change]]] = {
    "flask-notes": ("notes/__init__.py", {**_PINNED, **flask_notes.CHANGES}),
    "django-polls": ("config/__init__.py", {**_PINNED, **django_polls.CHANGES}),
    "one-file-flask": ("app.py", _PINNED),
    "one-file-django": ("guestbook.py", _PINNED),
    "asgi-live": ("live/__init__.py", _ANY),
}
"""Each example: the file where its VERSION stands, and the kinds of it that can be made."""

KINDS = {
    "plain": "a new VERSION, nothing else",
    "migration": "a nullable column that the code writes and shows",
    "slow-migration": "a change of every row that takes a second",
    "dependency": "one pure-Python dependency more, used",
    "broken-build": "a dependency that was never released",
    "broken-import": "the package cannot be imported, not even by the framework's own command",
    "broken-boot": "the server cannot load the app; the framework's own command can",
    "never-listens": "the server never gets done loading the app: nothing is ever answered",
    "broken-health": "every answer is 500",
    "broken-migration": "a migration changes tables and rows for good, then fails",
    "hanging-migration": "a migration changes tables and rows for good, then never ends",
}
BROKEN = frozenset(kind for kind in KINDS if kind.startswith(("broken", "never", "hanging")))
"""Kinds that must not go into service. The next version is made without such a change."""


def make_variant(example: str, kind: str, into: Path, version: str) -> Path:
    """Make the next version of an example, as a commit in a git repository.

    In an empty or missing directory the example is copied and committed first. After that
    each call adds one commit to what the last good version had: migrations and dependencies
    stay, a broken change is taken back first, as its author would.

    Args:
        example: one of :data:`EXAMPLES`.
        kind: one of :data:`KINDS`, which says what each does.
        into: the repository's directory; Holdfast takes the app's name from its name.
        version: what the app then says in ``X-App-Version``.

    Returns:
        ``into``, its files committed.

    Raises:
        ValueError: no such example or kind, a directory that holds something else, or a
            version with other characters than letters, digits, ``.`` and ``-``.
    """
    changes = _changes(example)
    if kind not in changes:
        raise ValueError(f"{example}: no kind {kind!r}; there are {', '.join(changes)}")
    if not re.fullmatch(r"[A-Za-z0-9.-]+", version):
        raise ValueError(f"version {version!r}: letters, digits, dots and hyphens are possible")
    repository = _opened(example, into)
    changes[kind](into, version)
    set_version(into / EXAMPLES[example][0], version)
    repository.commit(_message(example, kind, version))
    return into


def _changes(example: str) -> Mapping[str, Change]:
    if example not in EXAMPLES:
        raise ValueError(f"no example {example!r}; there are {', '.join(EXAMPLES)}")
    return EXAMPLES[example][1]


def _opened(example: str, into: Path) -> Repository:
    """The repository with the files of its last good version."""
    repository = Repository(into)
    if not repository.exists:
        if into.is_dir() and any(into.iterdir()):
            raise ValueError(f"{into}: is neither empty nor a repository made here")
        shutil.copytree(HOME / example, into, ignore=NOT_SOURCE, dirs_exist_ok=True)
        repository.init()
        repository.commit(_message(example, "plain", "as it is"))
    good = [
        commit
        for commit, message in repository.messages()
        if message.startswith(f"{example}, ") and message.rpartition(": ")[2] not in BROKEN
    ]
    if not good:
        raise ValueError(f"{into}: is another repository, not one of {example} made here")
    repository.restore(good[0])
    return repository


def _message(example: str, kind: str, version: str) -> str:
    return f"{example}, version {version}: {kind}"
