"""Projects nobody prepared: how many go live or get their one message; how fast a tree is read."""

from __future__ import annotations

import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.harness import Results, middle, say, scratch
from demo.place import Place, place
from tests.server.detect import living
from tests.unit.detect.cases import Case

ROUNDS = 3
CACHE = Path(__file__).resolve().parent.parent / ".cache" / "test-packages"
FILES = 10_000
AT_ONCE = (os.cpu_count() or 1) + 1
"""Deploys that run side by side: each waits for a boot for half of its time."""


def run(rounds: int) -> Results:
    cases = living.every()
    with scratch() as folder:
        times = [scanned(folder / f"tree-{number}") for number in range(rounds)]
        with place(CACHE) as here, ThreadPoolExecutor(AT_ONCE) as pool:
            good = sum(pool.map(lambda case: as_expected(here, case, folder / "projects"), cases))
    return {
        "projects": len(cases),
        "as_expected": good,
        "detect_10k_files_s": middle([wall for wall, _ in times], 3),
        "detect_10k_files_cpu_s": middle([processor for _, processor in times], 3),
    }


def as_expected(here: Place, case: Case, folder: Path) -> bool:
    """Deploy one project; what is not as it should be is said."""
    seen = living.deploy(here, case, folder / case.name)
    problem = seen.unlike(case.expect)
    say(f"  {'as expected' if problem is None else 'NOT'}  {case.name}  {problem or ''}")
    return problem is None


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
