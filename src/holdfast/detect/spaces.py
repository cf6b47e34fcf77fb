"""What a README's head says to Hugging Face's Spaces: which file is the app, on which Python."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import AppHint, Evidence, Fact, PythonRequest
from holdfast.detect.tree import Tree

_FILE = "README.md"
_HEAD = re.compile(r"\A---[ \t]*\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_KEY = re.compile(
    r"^(app_file|python_version)\s*:[ \t]*[\"']?([\w./-]+)[\"']?[ \t]*$", re.MULTILINE
)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for key, value, line in _said(tree):
        evidence = Evidence(_FILE, line)
        if key == "python_version":
            yield PythonRequest(evidence, value, elsewhere=True)
        elif tree.has(value):
            yield AppHint(evidence, value, _FILE)


def app_file(tree: Tree) -> str | None:
    """The file that it names."""
    return next((value for key, value, _ in _said(tree) if key == "app_file"), None)


def _said(tree: Tree) -> Iterator[tuple[str, str, int]]:
    """Key, value and line."""
    head = _HEAD.match(tree.text(_FILE)) if tree.has(_FILE) else None
    if head is not None and re.search(r"(?m)^sdk\s*:", head[1]):
        for match in _KEY.finditer(head[1]):
            yield match[1], match[2], head[1].count("\n", 0, match.start()) + 2
