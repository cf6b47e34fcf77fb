"""What ``bin/test`` runs: the parts in order, then one line that sums them up.

::

    bin/test                      everything that is there, the fastest first
    bin/test lint unit            some parts
    bin/test edge -k lease -x     a part, with arguments for pytest
    bin/test tests/unit/test_files.py::test_mode

The exit code is 0 if nothing failed, 1 if something did, 2 for wrong arguments, 130 after
Ctrl-C. With ``CI=true`` in the environment a test that lacks its real part fails
(``tests/conftest.py``); elsewhere it is skipped.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent

TYPED = tuple(
    name for name in ("src", "tests", "bench", "load", "demo") if any((ROOT / name).rglob("*.py"))
)
LINT = (
    ("ruff check", ("ruff", "check", "--quiet", "--output-format", "concise", ".")),
    ("ruff format", ("ruff", "format", "--check", "--quiet", "--output-format", "concise", ".")),
    ("mypy", ("mypy", "--no-error-summary", *TYPED)),
    ("import arrows", ("lint-imports", "--no-logo", "--no-cache")),
)
AREAS = ("unit", "edge", "server", "machines", "compose", "browser")
PARTS = ("lint", *AREAS)
NEED_NGINX = frozenset(AREAS) - {"unit"}

SIDE_BY_SIDE = {"machines": 2.0}
"""Tests at once for each core, 1 if not named: a server that boots or installs mostly waits."""

ON_SERVERS = frozenset({"machines", "compose"})
"""Areas whose servers are made of images: some minutes, for a fresh checkout."""

IMAGES = (sys.executable, "-m", "tests.machines.ahead")

MEANWHILE = "server"
"""The area during which those are made: the longest of the others, and most of it waits."""

IN_ORDER = frozenset({"machines"})
"""Areas in which a test goes on with what the one before it has left: repeated by the file."""

MOST_AGAIN = 12
"""More failures than this are no matter of chance; one in a shared place can bring on a few."""

NO_TESTS_COLLECTED = 5  # pytest's exit code
OURS_TO_CHOOSE = ("-n", "--numprocesses", "--pdb", "-s", "--collect-only", "--co")


@dataclass(frozen=True, slots=True)
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped
        )

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def heading(text: str) -> None:
    line = f"== {text} ".ljust(72, "=")
    print(f"\n\033[1m{line}\033[0m" if sys.stdout.isatty() else f"\n{line}", flush=True)


def lint(_: Sequence[str]) -> Tally:
    """The checks that run nothing of ours; each counts as one test."""
    total = Tally()
    for name, argv in LINT:
        started = time.monotonic()
        result = subprocess.run(
            [str(BIN / argv[0]), *argv[1:]], capture_output=True, cwd=ROOT, check=False
        )
        good = result.returncode == 0
        print(f"{name:15} {'ok' if good else 'FAILED'}  {time.monotonic() - started:.1f} s")
        if not good:
            print((result.stdout + result.stderr).decode(errors="replace").rstrip(), flush=True)
        total += Tally(passed=good, failed=not good)
    return total


def area(name: str) -> Callable[[Sequence[str]], Tally]:
    def run(arguments: Sequence[str]) -> Tally:
        if name in NEED_NGINX:
            ensure_nginx()
        share = SIDE_BY_SIDE.get(name, 1.0)
        tally, failed = pytest([f"tests/{name}", *arguments], share=share)
        if name in NEED_NGINX and 0 < tally.failed <= MOST_AGAIN and not arguments:
            return again(name, tally, failed)
        return tally

    return run


def again(name: str, first: Tally, failed: Sequence[str]) -> Tally:
    """Those that failed, once more, one after the other.

    Tests with real servers under load share two cores with each other, and time is part of
    what they judge. One that also fails with the machine to itself has failed; one that does
    not is named above, as failed beside others.
    """
    print(f"\n{first.failed} failed beside others; now with the machine to themselves:")
    chosen = ["--last-failed", "--last-failed-no-failures=none"]
    second, _ = pytest(list(failed) if name in IN_ORDER else [f"tests/{name}", *chosen])
    if second.failed or not second.passed:
        return first
    print(f"{second.passed} passed alone")
    return Tally(first.passed + first.failed, 0, first.skipped)


def ensure_nginx() -> None:
    """Install what is missing. Where that is not possible it says so, and the tests judge."""
    subprocess.run(["/bin/sh", "-c", '. "$0"; ensure_nginx', "bin/_setup"], cwd=ROOT, check=False)


@contextmanager
def images_ahead(argv: Sequence[str] = IMAGES) -> Iterator[int]:
    """Have the images of servers made in the background while inside, after everything else.

    Returns:
        its process group. Whatever it could not make, the tests make, or fail for.
    """
    process = subprocess.Popen(
        ["nice", "-n", "19", *argv],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def hurry(group: int) -> None:
    """From now on tests wait for it: as urgent as they are, where we may say so."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PGRP, group, 0)


def pytest(arguments: Sequence[str], *, share: float = 0.0) -> tuple[Tally, list[str]]:
    """Run pytest, count by its own report; a run that broke down counts as one failure.

    Args:
        share: tests at once for each core; 0 for one after the other.

    Returns:
        the count, and the files with failures.
    """
    more = ["-q", "-ra"]
    if share and not any(word.startswith(OURS_TO_CHOOSE) for word in arguments):
        at_once = max(1, round(share * len(os.sched_getaffinity(0))))
        more += ["-n", str(at_once), "--dist", "worksteal"]
    with tempfile.TemporaryDirectory(prefix="hf") as scratch:
        report = Path(scratch) / "report.xml"
        argv = [sys.executable, "-m", "pytest", *more, f"--junit-xml={report}", *arguments]
        code = subprocess.run(argv, cwd=ROOT, check=False).returncode
        tally, failed = count(report), failed_files(report)
    if code not in (0, 1, NO_TESTS_COLLECTED) or (code == 1 and not tally.failed):
        tally += Tally(failed=1)
    return tally, failed


def count(report: Path) -> Tally:
    """The numbers in a JUnit report; a test with an error in its teardown has failed."""
    if not report.exists():
        return Tally()
    total = Tally()
    for suite in ET.parse(report).iter("testsuite"):
        number = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors")}
        skipped = int(suite.get("skipped", "0"))
        failed = number["failures"] + number["errors"]
        total += Tally(max(number["tests"] - failed - skipped, 0), failed, skipped)
    return total


def failed_files(report: Path) -> list[str]:
    """The files of the tests that failed, as paths from the root, each once."""
    if not report.exists():
        return []
    names = [
        case.get("classname", "")
        for case in ET.parse(report).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    return [f"{name.replace('.', '/')}.py" for name in dict.fromkeys(names)]


def has_tests(name: str) -> bool:
    return any((ROOT / "tests" / name).rglob("test_*.py"))


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The leading names of parts, and what is pytest's."""
    parts: list[str] = []
    rest = list(arguments)
    while rest and rest[0] in (*PARTS, "all"):
        parts.append(rest.pop(0))
    return parts, rest


def choose(arguments: Sequence[str]) -> dict[str, Callable[[], Tally]]:
    """What to run, in order.

    Raises:
        SystemExit: a word that is neither a part nor an option nor a path.
    """
    parts, rest = split(arguments)
    if not parts and any((ROOT / word.split("::")[0]).exists() for word in rest):
        return {"tests": lambda: pytest(rest)[0]}
    if rest and not rest[0].startswith("-"):
        print(f"bin/test: no part {rest[0]!r}; there are {', '.join(PARTS)}, all", file=sys.stderr)
        raise SystemExit(2)
    if not parts or "all" in parts:
        there = [name for name in AREAS if has_tests(name)]
        parts = there if rest else ["lint", *there]
    runners = {"lint": lint, **{name: area(name) for name in AREAS}}
    return {
        name: (lambda run=runners[name]: run(rest))  # type: ignore[misc]
        for name in PARTS
        if name in parts
    }


def main(arguments: Sequence[str]) -> int:
    chosen = choose(arguments)
    started = time.monotonic()
    total = Tally()
    failing = []
    with ExitStack() as stack:
        group = None
        for name, run in chosen.items():
            heading(name)
            if name == MEANWHILE and not ON_SERVERS.isdisjoint(chosen):
                group = stack.enter_context(images_ahead())
            elif name in ON_SERVERS and group is not None:
                hurry(group)
            tally = run()
            total += tally
            if tally.failed:
                failing.append(name)
    nothing = total == Tally()
    seconds = time.monotonic() - started
    outcome = f"failed in: {', '.join(failing)}" if failing else "all well"
    heading(f"{'no test was run' if nothing else outcome}, {seconds:.0f} s")
    print(total)
    return 1 if failing or nothing else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
