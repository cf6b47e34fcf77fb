"""A project's source as one tar archive: what is committed, or what git tracks as it is now.

Runs on the laptop. The archive is the same for the same files: sorted, without owners,
with each file's time and whether it may be executed.
"""

from __future__ import annotations

import os
import re
import stat
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import field
from io import BytesIO
from pathlib import Path

from holdfast.errors import UsageError
from holdfast.records import record
from holdfast.releases import git
from holdfast.releases.unpack import COMMITTED

_JUNK_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", "__pypackages__", ".idea", ".vscode"}
    | {".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".cache"}
)
_JUNK_FILES = frozenset({".DS_Store", "Thumbs.db", ".coverage"})
_JUNK_ENDINGS = (".pyc", ".pyo", ".swp", "~")
_CONFIG = re.compile(r"holdfast(\.[^./]+)?\.toml\Z")
_READ_WHOLE = 4 * 1024 * 1024
_NAMED = 5
_SUBMODULE = 0o160000
"""The kind of file that git notes for one (gitglossary(7), gitlink)."""


@record
class Packed:
    """The source as it is sent.

    Attributes:
        archive: the tar file.
        commit: git's HEAD, or ``None`` without git or before the first commit.
        dirty: what is sent differs from it.
        files: how many files the archive holds.
        notes: what the user should know: what was left out.
    """

    archive: Path
    commit: str | None
    dirty: bool
    files: int
    notes: tuple[str, ...]


def pack(
    directory: Path,
    into: Path,
    *,
    dirty: bool = False,
    without: frozenset[str] = frozenset(),
    read: frozenset[str] = frozenset(),
) -> Packed:
    """Write ``into/source.tar``.

    Args:
        directory: the project; may be a part of a git repository.
        into: an existing directory, outside of the project.
        dirty: send tracked files as they are in the working tree, not as they are committed.
        without: files, relative to the project, that no release is to have.
        read: files, likewise, whose content is used as it is now, sent or not; so are ours.

    Raises:
        UsageError: nothing to send, a file that cannot be read, or git refuses.
    """
    listing = _tracked(directory, dirty, read) or _whole(directory)
    names = [name for name in listing.names if name not in without]
    ignore = directory / ".holdfastignore"
    if ignore.is_file():
        ignored = git.matching(names, ignore)
        names = [name for name in names if name not in ignored and name != ignore.name]
    if not names:
        raise UsageError(
            f"{directory}: there is nothing to deploy: {listing.nothing}",
            hint=listing.hint,
        )
    archive = into / "source.tar"
    packer = _Packer(directory, listing.instead, listing.time)
    packer.write(archive, sorted(names, key=os.fsencode))
    return Packed(
        archive, listing.commit, listing.dirty, packer.count, (*listing.notes, *packer.notes())
    )


@record
class _Listing:
    names: list[str]
    notes: tuple[str, ...]
    commit: str | None = None
    time: int | None = None
    dirty: bool = False
    instead: Mapping[str, _Committed] = field(default_factory=dict)
    nothing: str = "the folder is empty"
    hint: str | None = None


@record
class _Committed:
    """A file that is sent as it was committed: git's mode, Unix seconds, what it holds."""

    mode: int
    time: int
    data: bytes


def _tracked(directory: Path, dirty: bool, read: frozenset[str]) -> _Listing | None:
    """What git tracks; ``None`` where there is no git, or it knows nothing of the folder."""
    repository = git.repository(directory)
    if repository is None:
        return None
    names = repository.tracked()
    if not names and repository.top != directory.resolve():
        return None
    notes = []
    untracked = [
        name
        for name in repository.untracked()
        if not all(_used_here(file, read) for file in _below(directory, name))
    ]
    if untracked:
        notes.append(
            f"git does not track {_some(untracked)}: not sent (git add what the app needs)"
        )
    commit = repository.commit()
    if commit is None and names:
        notes.append("nothing is committed yet: what git tracks is sent as it is")
    changed = repository.changed() if commit else names
    instead: dict[str, _Committed] = {}
    if commit and changed and not dirty:
        names, instead = _as_committed(repository, names, changed)
        if missed := [name for name in changed if not _used_here(name, read)]:
            notes.append(
                f"not committed, so not sent: {_some(missed)} (commit, or --dirty sends them)"
            )
    return _Listing(
        names,
        tuple(notes),
        commit,
        repository.time() if commit else None,
        bool(changed) and not instead and (dirty or commit is None),
        instead,
        "git tracks no file here",
        f"git -C {directory} add -A adds all that is not ignored; a commit is not needed",
    )


def _below(directory: Path, name: str) -> Iterator[str]:
    """The files below what git names as a directory (``certs/``); else the file itself."""
    if not name.endswith("/"):
        yield name
        return
    for place, _, files in os.walk(directory / name):
        yield from (str((Path(place) / file).relative_to(directory)) for file in files)


def _used_here(name: str, read: frozenset[str]) -> bool:
    """Whether a file has done its work on this machine: that it is not sent is no loss."""
    return name in read or name == ".holdfastignore" or _CONFIG.match(name) is not None


def _as_committed(
    repository: git.Repository, names: list[str], changed: list[str]
) -> tuple[list[str], dict[str, _Committed]]:
    """The files of HEAD: those that have changed by what git has of them.

    A submodule is sent as it is checked out: what is committed in it, git has not here.
    """
    there, when = repository.committed(), repository.time()
    instead = {
        name: _Committed(there[name], when, repository.content(name))
        for name in changed
        if name in there and stat.S_IFMT(there[name]) != _SUBMODULE
    }
    new = {name for name in changed if name not in there}
    return sorted({*names, *instead} - new), instead


def _whole(directory: Path) -> _Listing:
    """Every file, less what is made again anywhere."""
    if not directory.is_dir():
        raise UsageError(f"{directory}: there is no such directory")
    names: list[str] = []
    left: set[str] = set()
    for home, directories, files in os.walk(directory):
        base = Path(home).relative_to(directory)
        links = [name for name in directories if (Path(home) / name).is_symlink()]
        junk = {name for name in directories if _junk(Path(home) / name)}
        left |= junk
        directories[:] = sorted(set(directories) - junk - set(links))
        wanted = [name for name in files if name not in _JUNK_FILES]
        names += [
            str(base / name) for name in [*wanted, *links] if not name.endswith(_JUNK_ENDINGS)
        ]
    text = "no git here, so the whole folder is sent"
    if left:
        text += f", less {_some(sorted(left))}"
    return _Listing(names, (text,), hint="holdfast is run in the folder of the app")


def _junk(path: Path) -> bool:
    return path.name in _JUNK_DIRECTORIES or (path / "pyvenv.cfg").exists()


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


class _Packer:
    """Writes files of one directory into a tar archive and remembers what it had to skip."""

    def __init__(
        self, directory: Path, instead: Mapping[str, _Committed], time: int | None
    ) -> None:
        self._directory = directory
        self._instead = instead
        self._time = time
        self._real = directory.resolve()
        self._outside: list[str] = []
        self._empty: list[str] = []
        self._gone: list[str] = []
        self.count = 0

    def write(self, archive: Path, names: list[str]) -> None:
        said = {} if self._time is None else {COMMITTED: str(self._time)}
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT, pax_headers=said) as tar:
            for name in names:
                try:
                    self._add(tar, name)
                except OSError as error:
                    raise UsageError(
                        f"{self._directory / name}: cannot be read: {error.strerror or error}",
                        hint="make it readable, or name it in .holdfastignore",
                    ) from None

    def notes(self) -> list[str]:
        said = []
        if self._outside:
            said.append(f"links that lead out of the project are not sent: {_some(self._outside)}")
        if self._empty:
            said.append(
                f"submodules that are not checked out are not sent: {_some(self._empty)} "
                "(git submodule update --init)"
            )
        if self._gone:
            said.append(f"deleted here but tracked by git: {_some(self._gone)}")
        return said

    def _add(self, tar: tarfile.TarFile, name: str) -> None:
        path = self._directory / name
        if (committed := self._instead.get(name)) is not None:
            self._add_committed(tar, name, committed)
            return
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            self._gone.append(name)
            return
        info = tarfile.TarInfo(name)
        info.mtime = int(found.st_mtime)
        info.mode = 0o755 if found.st_mode & stat.S_IXUSR else 0o644
        if stat.S_ISLNK(found.st_mode):
            target = os.readlink(path)  # noqa: PTH115 - the text itself, not a Path made of it
            self._add_link(tar, info, target)
        elif stat.S_ISREG(found.st_mode):
            self._add_file(tar, info, path, found.st_size)
        elif stat.S_ISDIR(found.st_mode):
            self._empty.append(name)

    def _add_committed(self, tar: tarfile.TarFile, name: str, committed: _Committed) -> None:
        info = tarfile.TarInfo(name)
        info.mtime = committed.time
        info.mode = 0o755 if committed.mode & stat.S_IXUSR else 0o644
        if stat.S_ISLNK(committed.mode):
            self._add_link(tar, info, os.fsdecode(committed.data))
            return
        info.size = len(committed.data)
        tar.addfile(info, BytesIO(committed.data))
        self.count += 1

    def _add_link(self, tar: tarfile.TarFile, info: tarfile.TarInfo, target: str) -> None:
        leads = Path(os.path.normpath(self._real / Path(info.name).parent / target))
        if target.startswith("/") or not leads.is_relative_to(self._real):
            self._outside.append(info.name)
            return
        info.type, info.linkname, info.mode = tarfile.SYMTYPE, target, 0o777
        tar.addfile(info)
        self.count += 1

    def _add_file(self, tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path, size: int) -> None:
        with path.open("rb") as stream:
            if size < _READ_WHOLE:
                data = stream.read()
                info.size = len(data)
                tar.addfile(info, BytesIO(data))
            else:
                info.size = size
                tar.addfile(info, stream)
        self.count += 1
