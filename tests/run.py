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
from collections.abc import Callable, Iterator, Mapping, Sequence
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

AT_ONCE = {"edge": 1.5, "server": 1.5, "machines": 2.0}
"""Tests at once for each core, 1 if not named: a server that boots or installs mostly waits, and so
does a test of a lease; a deploy to this machine waits for more than half of its time."""

TOGETHER = (("lint", "unit", "edge"), ("server", "machines", "compose"))
"""Parts that run side by side where a run has more than one of them: each leaves a core idle at
times, and the others fill it."""

ON_SERVERS = frozenset({"machines", "compose"})
"""Areas whose servers are made of images: some minutes, for a fresh checkout."""

IMAGES = (sys.executable, "-m", "tests.machines.ahead")

MOST_AGAIN = 12
"""More failures than this are no matter of chance; one in a shared place can bring on a few."""

LONGEST_AGAIN = 300.0
"""Seconds for all that is repeated in a run; what has not passed by then has failed."""

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


class Lint:
    """The checks that run nothing of ours, all at once; each counts as one test."""

    def __init__(self) -> None:
        self._started = 0.0
        self._checks: dict[str, subprocess.Popen[str]] = {}

    def begin(self, *, quiet: bool = False) -> None:
        """Have them run from now on; once. Tests beside them are more urgent."""
        if self._checks:
            return
        self._started = time.monotonic()
        for name, argv in LINT:
            self._checks[name] = subprocess.Popen(
                ["nice", str(BIN / argv[0]), *argv[1:]],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )

    def __call__(self) -> Tally:
        self.begin()
        total = Tally()
        for name, process in self._checks.items():
            said, _ = process.communicate()
            good = process.returncode == 0
            seconds = time.monotonic() - self._started
            print(f"{name:15} {'ok' if good else 'FAILED'}  {seconds:.1f} s", flush=True)
            if not good:
                print(said.rstrip(), flush=True)
            total += Tally(passed=good, failed=not good)
        return total


class Area:
    """One area's tests, run by calling it; they may have been begun before, beside others."""

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self._arguments = arguments
        self._session: Session | None = None
        self._failed: list[str] = []

    def begin(self, *, quiet: bool = False) -> None:
        """Have them run from now on; once.

        Args:
            quiet: what they say is kept until they are waited for.
        """
        if self._session is None:
            if self.name in NEED_NGINX:
                ensure_nginx()
            share = AT_ONCE.get(self.name, 1.0)
            words = [f"tests/{self.name}", *self._arguments]
            self._session = Session(words, share=share, cache=self.name, quiet=quiet)

    def __call__(self) -> Tally:
        self.begin()
        assert self._session is not None
        tally, self._failed = self._session.end()
        return tally

    def may_repeat(self, tally: Tally) -> bool:
        """Whether what failed could be a matter of what ran beside it."""
        few = 0 < tally.failed <= MOST_AGAIN
        return self.name in NEED_NGINX and few and not self._arguments

    def again(self, first: Tally, longest: float) -> Tally:
        """Those that failed, once more, one after the other.

        Tests with real servers under load share two cores with each other, and time is part of
        what they judge. One that also fails with the machine to itself has failed; one that does
        not is named above, as failed beside others.

        Args:
            longest: seconds after which they have failed.
        """
        print(f"{first.failed} failed beside others; now with the machine to themselves:")
        files = dict.fromkeys(test.partition("::")[0] for test in self._failed)
        chosen = [f"--again={test}" for test in self._failed]
        second, _ = Session([*files, *chosen], cache=self.name).end(longest)
        if second.failed or second.passed < len(self._failed):
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


class Session:
    """A run of pytest in the background; a breakdown of it counts as one failure.

    Args:
        share: tests at once for each core; 0 for one after the other.
        cache: a name; the sessions of one know what has failed in the last of them.
        quiet: what it says is kept for :meth:`end`.
    """

    def __init__(
        self, arguments: Sequence[str], *, share: float = 0.0, cache: str = "", quiet: bool = False
    ) -> None:
        more = ["-q", "-ra"]
        if share and not any(word.startswith(OURS_TO_CHOOSE) for word in arguments):
            at_once = max(1, round(share * len(os.sched_getaffinity(0))))
            more += ["-n", str(at_once), "--dist", "worksteal"]
        if cache:
            more += ["-o", f"cache_dir=.pytest_cache/{cache}"]
        self._scratch = tempfile.TemporaryDirectory(prefix="hf")
        self._report = Path(self._scratch.name) / "report.xml"
        self._said = Path(self._scratch.name) / "said" if quiet else None
        argv = [sys.executable, "-m", "pytest", *more, f"--junit-xml={self._report}", *arguments]
        with ExitStack() as stack:
            output = stack.enter_context(self._said.open("wb")) if self._said else None
            self._process = subprocess.Popen(argv, cwd=ROOT, stdout=output, stderr=output)

    def end(self, longest: float | None = None) -> tuple[Tally, list[str]]:
        """Wait for its end, showing what it says meanwhile.

        Args:
            longest: seconds after which it is stopped as by Ctrl-C, which is a failure.

        Returns:
            the count by pytest's own report, and the tests that failed.
        """
        with self._scratch:
            if self._said:
                for text in self._following(self._said):
                    print(text, end="", flush=True)
            try:
                code = self._process.wait(longest)
            except subprocess.TimeoutExpired:
                print(f"not at its end after {longest:.0f} s: stopped", flush=True)
                self._process.send_signal(signal.SIGINT)
                code = self._process.wait()
            tally, failed = count(self._report), failed_tests(self._report)
        if code not in (0, 1, NO_TESTS_COLLECTED) or (code == 1 and not tally.failed):
            tally += Tally(failed=1)
        return tally, failed

    def _following(self, said: Path) -> Iterator[str]:
        """What is in the file, and what comes until the process has ended."""
        with said.open(errors="replace") as stream:
            while True:
                ended = self._process.poll() is not None
                if text := stream.read():
                    yield text
                elif ended:
                    return
                else:
                    time.sleep(0.2)


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


def failed_tests(report: Path) -> list[str]:
    """The tests that failed, as pytest names them, each once."""
    if not report.exists():
        return []
    cases = [
        case
        for case in ET.parse(report).iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    names = ((case.get("classname", ""), case.get("name", "")) for case in cases)
    return list(dict.fromkeys(f"{file.replace('.', '/')}.py::{name}" for file, name in names))


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
        return {"tests": lambda: Session(rest).end()[0]}
    if rest and not rest[0].startswith("-"):
        print(f"bin/test: no part {rest[0]!r}; there are {', '.join(PARTS)}, all", file=sys.stderr)
        raise SystemExit(2)
    if not parts or "all" in parts:
        there = [name for name in AREAS if has_tests(name)]
        parts = there if rest else ["lint", *there]
    runners: dict[str, Callable[[], Tally]] = {name: Area(name, rest) for name in AREAS}
    runners["lint"] = Lint()
    return {name: runners[name] for name in PARTS if name in parts}


def main(arguments: Sequence[str]) -> int:
    chosen = choose(arguments)
    started = time.monotonic()
    tallies: dict[str, Tally] = {}
    with ExitStack() as stack:
        group = None
        if not ON_SERVERS.isdisjoint(chosen) and not ON_SERVERS.issuperset(chosen):
            group = stack.enter_context(images_ahead())
        for name, run in chosen.items():
            heading(name)
            begin_together(chosen, name)
            if group is not None and not ON_SERVERS.isdisjoint(together_with(name)):
                hurry(group)
            tallies[name] = run()
    repeat(chosen, tallies)
    total = sum(tallies.values(), start=Tally())
    failing = [name for name, tally in tallies.items() if tally.failed]
    nothing = total == Tally()
    seconds = time.monotonic() - started
    outcome = f"failed in: {', '.join(failing)}" if failing else "all well"
    heading(f"{'no test was run' if nothing else outcome}, {seconds:.0f} s")
    print(total)
    return 1 if failing or nothing else 0


def begin_together(chosen: Mapping[str, Callable[[], Tally]], first: str) -> None:
    """Begin all parts that run beside one; that one speaks, the others are heard in turn."""
    for name in (first, *together_with(first)):
        run = chosen.get(name)
        if isinstance(run, (Area, Lint)):
            run.begin(quiet=name != first)


def together_with(part: str) -> tuple[str, ...]:
    """The part and those that run beside it."""
    return next((names for names in TOGETHER if part in names), (part,))


def repeat(chosen: Mapping[str, Callable[[], Tally]], tallies: dict[str, Tally]) -> None:
    """Try once more what may have failed by chance, now that nothing runs beside it."""
    end = time.monotonic() + LONGEST_AGAIN
    for name, run in chosen.items():
        if isinstance(run, Area) and run.may_repeat(tallies[name]):
            heading(f"{name} again")
            tallies[name] = run.again(tallies[name], max(1.0, end - time.monotonic()))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
