"""Source from its archive: nothing lands outside of the release, whatever the archive says."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from holdfast.errors import BuildError

_END = 2 * tarfile.BLOCKSIZE


COMMITTED = "HOLDFAST.committed"
"""A header of the archive: when its commit was made, in Unix seconds."""


class _Refused(Exception):
    """A member that wants out of the release; its argument is the member's name."""


def unpack(archive: Path, into: Path) -> frozenset[str]:
    """Unpack a tar archive into a new directory.

    Absolute paths land inside; ``..``, devices, and links that lead out are refused.
    Files called ``.env…`` are made unreadable to others.

    Returns:
        the paths of its files and links, relative to ``into``.

    Raises:
        BuildError: it is damaged, or wants out of its directory.
        OSError: the disk is full.
    """
    into.mkdir(parents=True)
    names = set()
    try:
        _check_whole(archive)
        with tarfile.open(archive) as tar:
            for member in tar:
                place = _extract(tar, member, into)
                if not member.isdir():
                    names.add(str(place.relative_to(into)))
                    if member.isfile() and place.name.startswith(".env"):
                        place.chmod(0o600)
    except _Refused as error:
        raise BuildError(
            f"the source holds {error.args[0]!r}, which leads out of it",
            hint="remove it, or name it in .holdfastignore",
        ) from None
    except tarfile.TarError as error:
        raise BuildError(f"the source did not arrive whole: {error}", hint="deploy again") from None
    except FileNotFoundError:
        if archive.exists():
            raise
        raise BuildError(
            f"the source is not there any more: {archive.name}", hint="deploy again"
        ) from None
    return frozenset(names)


def committed(archive: Path) -> int | None:
    """When what it holds was committed, in Unix seconds; ``None`` if nobody has said so."""
    try:
        with tarfile.open(archive) as tar:
            tar.next()
            return int(tar.pax_headers[COMMITTED])
    except (OSError, tarfile.TarError, KeyError, ValueError):
        return None


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> Path:
    """Put one member into its place, by the rules of ``tarfile``'s data filter (PEP 706).

    The filter itself came with Python 3.11.4; Debian 12 has 3.11.2.
    """
    place = into / member.name.lstrip("/")
    if not _inside(place, into):
        raise _Refused(member.name)
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    if member.isreg():
        _write(tar, member, place)
    elif member.issym() and _leads_inside(place.parent, member.linkname, into):
        place.symlink_to(member.linkname)
    elif member.islnk() and _leads_inside(into, member.linkname, into):
        place.hardlink_to(into / member.linkname)
    else:
        raise _Refused(member.name)
    return place


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    content = tar.extractfile(member)
    assert content is not None
    with content, place.open("xb") as stream:
        shutil.copyfileobj(content, stream)
    place.chmod(0o755 if member.mode & 0o100 else 0o644)
    os.utime(place, (member.mtime, member.mtime))


def _leads_inside(start: Path, link: str, into: Path) -> bool:
    return not link.startswith("/") and _inside(start / link, into)


def _inside(path: Path, into: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(into))


def _check_whole(archive: Path) -> None:
    """A tar archive ends with two blocks of zeros; ``tarfile`` takes any end for the end."""
    with archive.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _END))
        if size % tarfile.BLOCKSIZE or stream.read() != bytes(_END):
            raise tarfile.ReadError("its end is missing")
