"""Projects nobody prepared: how many go live or get their one message; how fast a tree is read.

The projects can be played in parts (bench/parts.py): ``projects`` is how many were played, by this
go and those before it, ``projects_in_all`` how many there are; ``whole`` says whether these are the
same.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import SubprocessError
from threading import Lock
from typing import Any

from bench.harness import ROOT, Results, check, middle, say, scratch
from bench.parts import Parts
from demo.place import Place, place
from tests.server.detect import living
from tests.server.packages import CACHE
from tests.unit.detect.cases import Case

ROUNDS = 3
FILES = 10_000
AT_ONCE = (os.cpu_count() or 1) + 1
"""Deploys that run side by side: each waits for a boot for half of its time."""


def run(rounds: int, parts: Parts | None = None) -> Results:
    """Every project once, or the ``parts`` of them that are asked for; the tree each time."""
    parts = parts or Parts()
    cases = living.every()
    with scratch() as folder:
        times = [scanned(folder / f"tree-{number}") for number in range(rounds)]
        played = {**parts.played(), **play(cases, folder / "projects", parts)}
    return {
        **summary([case.name for case in cases], played),
        "detect_10k_files_s": middle([wall for wall, _ in times], 3),
        "detect_10k_files_cpu_s": middle([processor for _, processor in times], 3),
    }


def play(cases: Iterable[Case], folder: Path, parts: Parts) -> dict[str, Mapping[str, Any]]:
    """What came of those projects that are asked for and were not played before."""
    before, keeping = parts.played(), Lock()
    commit = check(["git", "describe", "--always", "--dirty"], cwd=ROOT).strip()
    now: dict[str, Mapping[str, Any]] = {}

    def one(case: Case) -> None:
        if parts.time_is_over():
            return
        began = time.monotonic()
        problem = unexpected(here, case, folder / case.name)
        seconds = round(time.monotonic() - began, 1)
        say(f"  {'NOT' if problem else 'as expected'}  {case.name}  {problem} ({seconds} s)")
        with keeping:
            now[case.name] = {
                "as_expected": not problem,
                "problem": problem,
                "seconds": seconds,
                "commit": commit,
            }
            parts.keep(case.name, now[case.name])

    left = [case for case in cases if case.name not in before and parts.wants(case.name)]
    if left:
        with place(CACHE) as here, ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(one, left))
    return now


def unexpected(here: Place, case: Case, folder: Path) -> str:
    """Deploy one project; what is not as it should be, or nothing."""
    try:
        return living.deploy(here, case, folder).unlike(case.expect) or ""
    except (OSError, SubprocessError) as error:  # one project, not the end of the bench
        return f"{type(error).__name__}: {error}"


def summary(names: Iterable[str], played: Mapping[str, Mapping[str, Any]]) -> Results:
    """The sums over those of ``names`` that were played; what else was is of another bench."""
    every = list(names)
    counted = {name: played[name] for name in every if name in played}
    commits = sorted({str(item.get("commit")) for item in counted.values()})
    if len(commits) > 1:
        say(f"  played with more than one state of the code: {', '.join(commits)}")
    if len(counted) < len(every):
        say(f"  a part: {len(counted)} of {len(every)} projects were played")
    for name, item in counted.items():
        if not item["as_expected"]:
            say(f"  NOT as expected: {name}: {item['problem']}")
    return {
        "projects": len(counted),
        "as_expected": sum(bool(item["as_expected"]) for item in counted.values()),
        "projects_in_all": len(every),
        "whole": len(counted) == len(every),
    }


def scanned(root: Path) -> tuple[float, float]:
    """Seconds to understand a Flask app in a tree of 10,000 files, all just written.

    By the clock, and of processor time: the second says the same on a busy machine.
    """
    from holdfast.config import App, Config
    from holdfast.detect import Answers, resolve, scan

    _lay_down(root)
    config = Config(app=App(name="site"))
    began, began_to_work = time.perf_counter(), time.process_time()
    resolve(config, scan(root, config), Answers())
    taken = time.perf_counter() - began, time.process_time() - began_to_work
    shutil.rmtree(root)
    return taken


def _lay_down(root: Path) -> None:
    """A quarter Python, as real trees have it, of 60 lines each; pages, styles, data."""
    python = "".join(f"def step_{n}(value):\n    return value + {n}\n\n" for n in range(20))
    for number in range(FILES - 2):
        home = root / f"part_{number % 20}" / f"group_{number % 400}"
        home.mkdir(parents=True, exist_ok=True)
        kind = (".py", ".html", ".css", ".json")[number % 4]
        text = f"import os\nfrom flask import request\n\n{python}" if kind == ".py" else "{}\n" * 40
        (home / f"file_{number}{kind}").write_text(text)
    (root / "requirements.txt").write_text("flask==3.1.0\n")
    (root / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
