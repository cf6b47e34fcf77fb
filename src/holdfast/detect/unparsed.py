"""Python files with a syntax error, or with syntax that is newer than our Python's.

The app may be in one of them.

Without this the worst would be possible: ``app.py`` is saved half written, and a lesser app
of the project, ``admin.py``, is found in its place and deployed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import Evidence, Fact, PythonRequest, UnparsedApp
from holdfast.detect.tree import Tree

_WORDS = (b"Flask(", b"FastAPI(", b"Starlette(", b"Quart(", b"Litestar(", b"falcon.",
          b"Bottle(", b"_application(", b"start_response", b"receive, send")  # fmt: skip


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for path, _ in tree.holding(*_WORDS):
        if not is_aside(path) and (fact := unparsed(tree, path)) is not None:
            yield fact
    for path, _ in tree.holding(b"\ntype "):
        tree.source(path)
    for path, (version, line) in tree.newer.items():
        if not is_aside(path):
            yield PythonRequest(Evidence(path, line), f">={version}")


_NEWER = re.compile(
    rb"(?m)\b[rR]?[fFtT][rR]?(['\"]).*\{[^}\n]*\1|^\s*(?:def|class) \w+\[|^\s*async def \w+\["
    rb"|^\s*type \w+|^\s*except\*? +\w[\w.]* *,|^\s*lazy (?:import|from)|\bt['\"]"
)
"""What a file that is written for a newer Python may have; most others have nothing of it."""


def newer(tree: Tree, paths: Iterable[str], known: Iterable[Fact]) -> list[PythonRequest]:
    """What the files that the app imports need, as far as no recogniser has parsed them."""
    told = {fact.evidence.file for fact in known if isinstance(fact, PythonRequest)}
    for path in paths:
        if _NEWER.search(tree.read(path)):
            tree.source(path)
    return [
        PythonRequest(Evidence(path, line), f">={version}")
        for path, (version, line) in tree.newer.items()
        if path not in told and not is_aside(path)
    ]


def unparsed(tree: Tree, path: str) -> UnparsedApp | None:
    """The file's syntax error, if it has one."""
    fault = tree.fault(path)
    if fault is None:
        return None
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    # "invalid syntax (<unknown>, line 3)": the place is the evidence.
    return UnparsedApp(
        Evidence(path, fault.lineno), f"Python {version} cannot read this file: {fault.msg}"
    )
