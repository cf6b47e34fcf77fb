"""Python files with a syntax error, or with syntax that is newer than our Python's.

The app may be in one of them.

Without this the worst would be possible: ``app.py`` is saved half written, and a lesser app
of the project, ``admin.py``, is found in its place and deployed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

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
