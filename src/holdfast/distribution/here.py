"""What this machine has of the distribution's parts, and by which names it has the rest."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from holdfast.distribution.parts import GONE, Part

RELEASE = Path("/etc/os-release")
_CACHE = Path("/etc/ld.so.cache")
_FIRST_WITH_LATER_NAMES = {"debian": (13,), "ubuntu": (24, 4)}


def lacks(part: Part, path: str | None = None) -> bool:
    """Whether a library or program is not on this machine, as far as that can be known.

    Args:
        path: where programs are looked for, directories with colons between; ours if ``None``.
    """
    if not part.is_library:
        return shutil.which(part.name, path=path) is None
    libraries = _libraries()
    if libraries is None:  # no glibc: whoever loads it says so
        return False
    if not part.name.startswith("lib"):  # a module of another library, which ld.so does not list
        return not any(Path("/usr/lib").glob(f"*/{part.name}*"))
    return re.search(rb"/" + re.escape(part.name.encode()) + rb"[.\0]", libraries) is None


def _libraries() -> bytes | None:
    """What the dynamic loader knows: paths with NUL between (ldconfig(8)); 50 kB, or so."""
    try:
        return _CACHE.read_bytes()
    except OSError:
        return None


def package(part: Part) -> str:
    """The package with it, as this machine's release calls it."""
    return part.called(later=_has_later_names())


def packages(parts: Iterable[Part]) -> tuple[str, ...]:
    """The packages of several, each once."""
    return tuple(dict.fromkeys(package(part) for part in parts))


def command(parts: Iterable[Part]) -> str:
    """What installs them, for a person; and which of them this release has no more."""
    wanted = tuple(parts)
    gone = [part.package for part in wanted if part.package in GONE and _has_later_names()]
    said = f"apt-get install {' '.join(packages(wanted))}"
    return f"{said} (not in Debian from 13 on: {', '.join(dict.fromkeys(gone))})" if gone else said


def _has_later_names() -> bool:
    """Whether the release is one of those with newer names; where it is another's: yes."""
    try:
        said = dict(re.findall(r'(?m)^(ID|VERSION_ID)="?([^"\n]*)"?$', RELEASE.read_text()))
        number = tuple(map(int, said.get("VERSION_ID", "99").split(".")))
    except (OSError, ValueError):
        return True
    return number >= _FIRST_WITH_LATER_NAMES.get(said.get("ID", ""), (0,))
