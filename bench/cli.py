"""Cold starts of the command line: ``holdfast --help``, ``holdfast status``, bare Python."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from bench.harness import Results, alternate, check, middle, scratch, seconds

ROUNDS = 15


def run(rounds: int) -> Results:
    """Medians of whole processes, started in turn; ``status`` of a machine without apps."""
    python = Path(sys.executable)
    holdfast = python.with_name("holdfast")
    with scratch() as root:
        environment = {**os.environ, "HOLDFAST_ROOT": str(root)}
        # As installed by pip, which compiles; nothing is written while we measure.
        check([python, "-m", "compileall", "-q", "src"])

        def start(*argv: str | Path) -> float:
            return 1000 * seconds(lambda: check(argv, env=environment))

        times = alternate(
            max(rounds, 15),
            {
                "help": lambda: start(holdfast, "--help"),
                "status": lambda: start(holdfast, "status"),
                "python": lambda: start(python, "-c", "pass"),
            },
            warm_up=2,
        )
    return {
        "help_ms": middle(times["help"]),
        "status_ms": middle(times["status"]),
        "bare_python_ms": middle(times["python"]),
    }
