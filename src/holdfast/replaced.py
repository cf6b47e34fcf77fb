"""Files that a process runs from and that are not on disk any more: an update came meanwhile.

A package manager puts a new file in the place of the old one; whoever runs goes on with the old
one, holes and all, until it is started anew.
"""

from __future__ import annotations

from pathlib import Path

_GONE = " (deleted)"
_NO_FILES = ("/dev/", "/memfd:", "/SYSV", "/[")
"""Memory that proc_pid_maps(5) shows by a name, of a file that never was on disk."""


def files(maps: str) -> tuple[str, ...]:
    """The program and the libraries, in ``/proc/PID/maps``, that were replaced or removed.

    What is mapped to be executed counts: shared memory is also shown as deleted. A file whose
    name itself ends so is taken for a deleted one; no program of a distribution's does.
    """
    found: dict[str, None] = {}
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) < 6 or "x" not in fields[1] or not fields[5].endswith(_GONE):
            continue
        path = fields[5].removesuffix(_GONE)
        if path.startswith("/") and not path.startswith(_NO_FILES):
            found[path] = None
    return tuple(found)


def files_of(pid: int) -> tuple[str, ...]:
    """Those of a process that runs; none where that cannot be known (no proc(5), not ours)."""
    try:
        return files(Path(f"/proc/{pid}/maps").read_text(errors="replace"))
    except OSError:
        return ()
