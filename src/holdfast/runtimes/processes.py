"""Processes by number, told apart from strangers that were given the same number later.

A process is known by its pid and when it started. Linux says so in ``/proc/PID/stat``
(field 22, in ticks since boot, proc_pid_stat(5)); elsewhere ``ps -o lstart=`` does.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

RECORD = """\
if [ -r /proc/$$/stat ]; then IFS= read -r holdfast_me < /proc/$$/stat
else holdfast_me="$$ $(ps -o lstart= -p $$)"; fi
printf '%s\\n' "$holdfast_me" > {file}
"""
"""Shell text that records the shell itself, for :func:`recorded`; ``{file}`` is quoted."""

_DEAD = ("Z", "X", "")
_SHELLS = frozenset(("sh", "dash", "bash", "ash", "ksh", "zsh", "busybox"))


def recorded(file: Path) -> int | None:
    """The pid in ``file`` if that very process still runs."""
    try:
        line = file.read_text(errors="replace").strip()
        pid = int(line.split(None, 1)[0])
    except (OSError, ValueError, IndexError):
        return None
    now = _describe(pid)
    return pid if now is not None and _start(now) == _start(line) else None


def _describe(pid: int) -> str | None:
    """The process as :data:`RECORD` writes it; ``None`` if there is none, or a zombie."""
    if Path("/proc/self/stat").exists():
        try:
            line = Path(f"/proc/{pid}/stat").read_text(errors="replace").strip()
        except OSError:
            return None
        return None if _fields(line)[0] in _DEAD else line
    said = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    ).stdout.strip()
    return f"{pid} {said}" if said else None


def _start(line: str) -> str:
    if ")" not in line:
        return line.split(None, 1)[1].strip() if " " in line else ""
    return _fields(line)[19]


def _fields(line: str) -> list[str]:
    """The fields of a stat line from the third on; the name before them may hold anything."""
    rest = line.rpartition(")")[2].split()
    return rest if len(rest) > 19 else [""] * 20


def alive(group: int) -> bool:
    """Whether a process of the process group is left that is not a zombie.

    kill(2) counts zombies too, and an init that is slow to reap (in a container, often)
    would make a stop take seconds: so they are looked at, where /proc allows it.
    """
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not Path("/proc/self/stat").exists() or any(
        state not in _DEAD and member == str(group) for state, member in _groups()
    )


def _groups() -> Iterator[tuple[str, str]]:
    """State and process group of every process (fields 3 and 5 of its stat line)."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = _fields((entry / "stat").read_text(errors="replace"))
                yield fields[0], fields[2]


def signal_group(group: int, number: int) -> None:
    """Send a signal to every process of the group; none left is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_groups(groups: Iterable[int], grace: float) -> None:
    """End programs by their process groups: TERM to each leader, and after ``grace`` seconds
    KILL to what is left of the groups. Returns when they ended.

    TERM goes to the leader alone because a server knows best how to end its workers:
    those of Celery, for one, would drop the task they are at.
    """
    left = [group for group in groups if group > 1]
    for group in left:
        for pid in (*behind_shell(group), group):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left := [group for group in left if alive(group)]:
        if time.monotonic() > deadline:
            for group in left:
                signal_group(group, signal.SIGKILL)
            if time.monotonic() > deadline + 5:
                return
        time.sleep(0.02)


def behind_shell(pid: int) -> list[int]:
    """The children of ``pid`` if it is a shell that waits for them, else nothing.

    ``a; b`` as a command leaves a shell in front of the program, and a shell that gets
    TERM dies without telling its children.
    """
    try:
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        if name not in _SHELLS:
            return []
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except (OSError, ValueError):
        return []
