"""Which Python other platforms were told to run the project with, and version managers.

It is what the author had. Where no file of Python's own says a version, it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import Evidence, Fact, PythonRequest
from holdfast.detect.tree import Tree

_VERSION = r"(3\.\d+)(?:\.\d+)?\b"
_SAID = {
    ".tool-versions": rf"(?m)^python\s+{_VERSION}",
    "mise.toml": rf"(?m)^python\s*=\s*['\"]{_VERSION}",
    "render.yaml": rf"key:\s*PYTHON_VERSION\s*\n\s*value:\s*['\"]?{_VERSION}",
    ".platform.app.yaml": rf"(?m)^type:\s*['\"]?python:{_VERSION}",
    "app.yaml": r"(?m)^runtime:\s*['\"]?python(3)(\d+)\b",
    "Dockerfile": rf"(?mi)^FROM\s+(?:\S*/)?python:{_VERSION}|^FROM\s+\S+:python{_VERSION}",
}
"""Files near the top, and how each says it."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for name, shape in _SAID.items():
        for path in [name] if tree.has(name) else tree.named(name)[:1]:
            text = tree.text(path)
            if match := re.search(shape, text):
                line = text.count("\n", 0, match.start()) + 1
                version = ".".join(part for part in match.groups() if part)
                yield PythonRequest(Evidence(path, line), version, elsewhere=True)
