"""Processes by number, told apart from strangers that were given the same number later.

A process is known by its pid and when it started. Linux says so in ``/proc/PID/stat``
(field 22, in ticks since boot, proc_pid_stat(5)); elsewhere ``ps -o lstart=`` does.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

RECORD = """\
if [ -r /proc/$$/stat ]; then IFS= read -r holdfast_me < /proc/$$/stat
else holdfast_me="$$ $(ps -o lstart= -p $$)"; fi
printf '%s\\n' "$holdfast_me" > {file}
"""
"""Shell text that records the shell itself, for :func:`recorded`; ``{file}`` is quoted."""

_BLIND = 0.01

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


def wait_for_one(pids: Iterable[int], seconds: float) -> None:
    """Return when one of the processes has ended, at the latest after ``seconds``.

    The kernel says so at once (pidfd_open(2)); where it cannot, or one is gone already, it
    is a short sleep: whoever waits for more looks again.
    """
    with ExitStack() as stack:
        poll = select.poll()
        for pid in pids:
            try:
                descriptor = os.pidfd_open(pid)
            except (OSError, AttributeError):
                time.sleep(min(seconds, _BLIND))
                return
            stack.callback(os.close, descriptor)
            poll.register(descriptor, select.POLLIN)
        poll.poll(seconds * 1000)


def signal_group(group: int, number: int) -> None:
    """Send a signal to every process of the group; none left is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def end_groups(groups: Iterable[int], grace: float) -> None:
    """End programs by their process groups: TERM (see :func:`terminate`), and after
    ``grace`` seconds KILL to what is left of the groups. Returns when they ended.
    """
    left = [group for group in groups if group > 1]
    frozen = {shell for group in left for shell in terminate(group)}
    deadline = time.monotonic() + grace
    while left := [group for group in left if alive(group)]:
        frozen = end_empty(frozen)
        if time.monotonic() > deadline:
            for group in left:
                signal_group(group, signal.SIGKILL)
            if time.monotonic() > deadline + 5:
                return
        time.sleep(0.02)


def terminate(pid: int) -> set[int]:
    """Ask a program to end: TERM to it alone, for it knows best how to end its workers.

    (Celery's, for one, would drop the task they are at if they got TERM themselves.)

    ``a; b`` as a command leaves a shell in front of the program. A shell that gets TERM
    dies without telling its children, and one whose child ends goes on with ``b``. So it
    is stopped (SIGSTOP) while what it waits for is asked to end. A shell with a trap for
    TERM knows what to do itself.

    Returns:
        the shells that are stopped, for :func:`end_empty`.
    """
    frozen: set[int] = set()
    waiting = [pid]
    for process in waiting:
        if _is_plain_shell(process) and _children(process):
            _send(process, signal.SIGSTOP)
            frozen.add(process)
            waiting += _children(process)
        else:
            _send(process, signal.SIGTERM)
    return frozen


def behind_a_shell(pid: int) -> bool:
    """Whether the program is a shell that does not hand TERM on to what it waits for."""
    return _is_plain_shell(pid) and bool(_children(pid))


def end_empty(frozen: set[int]) -> set[int]:
    """End those stopped shells that have nothing to wait for any more.

    Returns:
        the others.
    """
    left = set()
    for shell in frozen:
        if _children(shell):
            left.add(shell)
        else:
            _send(shell, signal.SIGKILL)
    return left


def _send(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _is_plain_shell(pid: int) -> bool:
    """Whether it is a shell without a handler for TERM (``SigCgt``, proc_pid_status(5))."""
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() not in _SHELLS:
            return False
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    return not caught & 1 << (signal.SIGTERM - 1)


def _children(pid: int) -> list[int]:
    """The children of a process that have not ended."""
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in listed if _describe(int(child)) is not None]
