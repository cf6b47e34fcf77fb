"""A project's source as one tar archive: what git tracks, as it is in the working tree.

Runs on the laptop. The archive is the same for the same files: sorted, without owners,
with each file's time and whether it may be executed.
"""

from __future__ import annotations

import os
import stat
import tarfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from holdfast.errors import UsageError
from holdfast.releases import git

_JUNK_DIRECTORIES = frozenset(
    {".git", ".hg", ".svn", "__pycache__", "node_modules", "__pypackages__", ".idea", ".vscode"}
    | {".venv", "venv", ".tox", ".nox", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".cache"}
)
_JUNK_FILES = frozenset({".DS_Store", "Thumbs.db", ".coverage"})
_JUNK_ENDINGS = (".pyc", ".pyo", ".swp", "~")
_READ_WHOLE = 4 * 1024 * 1024
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Packed:
    """The source as it is sent.

    Attributes:
        archive: the tar file.
        commit: git's HEAD, or ``None`` without git or before the first commit.
        dirty: tracked files differ from it.
        files: how many files the archive holds.
        notes: what the user should know: what was left out.
    """

    archive: Path
    commit: str | None
    dirty: bool
    files: int
    notes: tuple[str, ...]


def pack(directory: Path, into: Path) -> Packed:
    """Write ``into/source.tar``.

    Args:
        directory: the project; may be a part of a git repository.
        into: an existing directory, outside of the project.

    Raises:
        UsageError: nothing to send, a file that cannot be read, or git refuses.
    """
    listing = _tracked(directory) or _whole(directory)
    names = listing.names
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
    packer = _Packer(directory)
    packer.write(archive, sorted(names, key=os.fsencode))
    return Packed(
        archive, listing.commit, listing.dirty, packer.count, (*listing.notes, *packer.notes())
    )


@dataclass(frozen=True, slots=True)
class _Listing:
    names: list[str]
    notes: tuple[str, ...]
    commit: str | None = None
    dirty: bool = False
    nothing: str = "the folder is empty"
    hint: str | None = None


def _tracked(directory: Path) -> _Listing | None:
    """What git tracks; ``None`` where there is no git, or it knows nothing of the folder."""
    repository = git.repository(directory)
    if repository is None:
        return None
    names = repository.tracked()
    if not names and repository.top != directory.resolve():
        return None
    notes = []
    untracked = [name for name in repository.untracked() if name != ".holdfastignore"]
    if untracked:
        notes.append(
            f"git does not track {_some(untracked)}: not sent (git add what the app needs)"
        )
    return _Listing(
        names,
        tuple(notes),
        repository.commit(),
        repository.dirty(),
        "git tracks no file here",
        f"git -C {directory} add -A adds all that is not ignored; a commit is not needed",
    )


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

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._real = directory.resolve()
        self._outside: list[str] = []
        self._empty: list[str] = []
        self._gone: list[str] = []
        self.count = 0

    def write(self, archive: Path, names: list[str]) -> None:
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
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
        try:
            found = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            self._gone.append(name)
            return
        info = tarfile.TarInfo(name)
        info.mtime = int(found.st_mtime)
        info.mode = 0o755 if found.st_mode & stat.S_IXUSR else 0o644
        if stat.S_ISLNK(found.st_mode):
            self._add_link(tar, info, path)
        elif stat.S_ISREG(found.st_mode):
            self._add_file(tar, info, path, found.st_size)
        elif stat.S_ISDIR(found.st_mode):
            self._empty.append(name)

    def _add_link(self, tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> None:
        target = os.readlink(path)  # noqa: PTH115 - the text itself, not a Path made of it
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
