"""``bin/bench``: list the benchmarks, or run one and print its results.

With ``--json`` the last line of standard output is one object,
``{"bench": NAME, "results": {...}}``; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import json
import sys
from pathlib import Path

from bench.harness import BenchError, Results, say

HERE = Path(__file__).resolve().parent


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


def main() -> int:
    """Exit code 0, 1 if the benchmark could not be run, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(prog="bin/bench", description="Compare us with our peers.")
    parser.add_argument("name", nargs="?", metavar="NAME")
    parser.add_argument("--json", action="store_true", help="the last line is one JSON object")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often to measure")
    arguments = parser.parse_args()
    known = benches()
    if arguments.name is None:
        for name, title in known.items():
            print(f"{name:12} {title}")
        return 0
    if arguments.name not in known:
        parser.error(f"no benchmark {arguments.name!r}; there are {', '.join(known)}")
    bench = importlib.import_module(f"bench.{arguments.name}")
    say(known[arguments.name])
    try:
        results: Results = bench.run(arguments.rounds or bench.ROUNDS)
    except BenchError as error:
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
