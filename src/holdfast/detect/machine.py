"""How much of the machine an app may use, and how many workers that makes."""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.records import record

MB = 1024 * 1024
PER_WORKER = 512 * MB
"""Memory of the machine for each worker: a Django worker has 60 to 150 MB, and during a
handover the old release and the new run side by side, besides a database and the edge."""

MOST_WORKERS = 8
THREADS = 8
STREAMING = 100
"""Threads where answers stay open; Flask-SocketIO's documentation has the number."""


@record
class Machine:
    """Cores we may run on, memory in bytes, and whether ``/dev/shm`` can be written."""

    cores: int
    memory: int
    shared_memory: bool

    @classmethod
    def here(cls) -> Machine:
        return cls(
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
            memory=_memory(),
            shared_memory=os.access("/dev/shm", os.W_OK),  # noqa: S108  (asked, not used)
        )


def _memory() -> int:
    """The machine's, or the container's limit if that is less (cgroup v2)."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return total
    return min(total, int(limit)) if limit.isdigit() else total


@record
class Shape:
    """Processes, threads in each, and why."""

    workers: int
    threads: int
    why: str


def shape(
    machine: Machine,
    *,
    memory_state: str | None,
    sqlite: bool,
    interface: str,
    streams: str | None = None,
) -> Shape:
    """The rule of ``docs/detection.md``.

    Args:
        memory_state: what the app keeps in memory, if that was seen.
        sqlite: its database is SQLite and no other.
        interface: ``wsgi`` or ``asgi``.
        streams: the event streams or WebSockets it has; under WSGI each holds a thread.
    """
    found = _shape(machine, memory_state, sqlite=sqlite, interface=interface)
    if streams is None or interface == "asgi":
        return found
    why = f"{found.why}; {streams}: each that is open holds a thread"
    return Shape(found.workers, STREAMING, why)


def _shape(machine: Machine, memory_state: str | None, *, sqlite: bool, interface: str) -> Shape:
    if memory_state:
        return Shape(1, THREADS, f"one worker, for the app has {memory_state}")
    if interface == "asgi":
        return Shape(1, THREADS, "one worker: an event loop serves many requests at once")
    if sqlite:
        return Shape(1, THREADS, "one worker: SQLite lets one process write at a time anyway")
    workers = max(1, min(machine.cores, machine.memory // PER_WORKER, MOST_WORKERS))
    return Shape(
        workers,
        THREADS,
        f"{machine.cores} cores and {machine.memory // MB} MB of memory, "
        f"{PER_WORKER // MB} MB for each worker",
    )
