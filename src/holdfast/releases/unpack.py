"""Source from its archive: nothing lands outside of the release, whatever the archive says."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from holdfast.errors import BuildError

_END = 2 * tarfile.BLOCKSIZE


def unpack(archive: Path, into: Path) -> frozenset[str]:
    """Unpack a tar archive into a new directory.

    ``tarfile``'s data filter (PEP 706) refuses absolute paths, ``..``, devices, and links
    that lead out. Files called ``.env…`` are made unreadable to others.

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
                tar.extract(member, into, filter="data")
                if not member.isdir():
                    name = str(Path(member.name))
                    names.add(name)
                    if member.isfile() and Path(name).name.startswith(".env"):
                        (into / name).chmod(0o600)
    except tarfile.FilterError as error:
        raise BuildError(
            f"the source holds {error.tarinfo.name!r}, which leads out of it",
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


def _check_whole(archive: Path) -> None:
    """A tar archive ends with two blocks of zeros; ``tarfile`` takes any end for the end."""
    with archive.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - _END))
        if size % tarfile.BLOCKSIZE or stream.read() != bytes(_END):
            raise tarfile.ReadError("its end is missing")
