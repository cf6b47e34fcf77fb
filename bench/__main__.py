"""``bin/bench``: list the benchmarks, or run one and print its results.

With ``--json`` the last line of standard output is one object,
``{"bench": NAME, "results": {...}}``; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

from bench.harness import BenchError, Results, say
from bench.parts import Parts
from tests.machines.host import HostError
from tests.machines.machine import CommandFailed, Unreachable

HERE = Path(__file__).resolve().parent

WRONG = (BenchError, HostError, CommandFailed, Unreachable, SubprocessError)
"""What ends a benchmark with a message: it, this machine or a server of it cannot do something."""


def benches() -> dict[str, str]:
    """Each benchmark's name and the first line of its docstring; imports none of them."""
    found = {}
    for path in sorted(HERE.glob("*.py")):
        tree = ast.parse(path.read_text())
        if any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    return found


def show(results: Results) -> None:
    """The results as a table."""
    width = max(len(name) for name in results)
    for name, value in results.items():
        print(f"{name:{width}}  {value}")


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression of the command line.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    try:
        return re.compile(text)
    except re.error as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no regular expression: {error}") from error


def chosen(
    run: Callable[..., Results], arguments: argparse.Namespace, parser: argparse.ArgumentParser
) -> Mapping[str, Any]:
    """What ``run`` is to be called with besides the rounds: the parts, where it has any."""
    asked = (arguments.only, arguments.minutes, arguments.resume)
    if all(value is None for value in asked):
        return {}
    if "parts" not in inspect.signature(run).parameters:
        parser.error(f"{arguments.name} is played whole: no --only, --minutes or --resume")
    return {"parts": Parts(*asked)}


def command_line() -> argparse.ArgumentParser:
    """What can be asked for."""
    parser = argparse.ArgumentParser(prog="bin/bench", description="Compare us with our peers.")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often to measure")
    parts = parser.add_argument_group(
        "a part of the cases (faults, detect)", "the result says how many of how many were played"
    )
    parts.add_argument(
        "--only", type=pattern, metavar="PATTERN", help="cases whose name it is found in"
    )
    parts.add_argument("--minutes", type=float, metavar="N", help="begin no case after N minutes")
    parts.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="append each case played to it, a line of JSON; those in it count and are not played",
    )
    return parser


def main() -> int:
    """Exit code 0, 1 if the benchmark could not be run, 2 for wrong arguments."""
    parser = command_line()
    arguments = parser.parse_args()
    known = benches()
    if arguments.name is None:
        for name, title in known.items():
            print(f"{name:12} {title}")
        return 0
    if arguments.name not in known:
        parser.error(f"no benchmark {arguments.name!r}; there are {', '.join(known)}")
    bench = importlib.import_module(f"bench.{arguments.name}")
    options = chosen(bench.run, arguments, parser)
    say(known[arguments.name])
    try:
        results: Results = bench.run(arguments.rounds or bench.ROUNDS, **options)
    except WRONG as error:
        say(f"bin/bench {arguments.name}: {error}")
        return 1
    if arguments.json:
        print(json.dumps({"bench": arguments.name, "results": results}))
    else:
        show(results)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
