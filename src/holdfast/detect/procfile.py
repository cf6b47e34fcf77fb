"""``Procfile``: one process a line, ``name: command``; ``#`` starts a comment line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import BrokenFile, Evidence, Fact, ProcessLine
from holdfast.detect.tree import Tree, parent

_LINE = re.compile(r"([A-Za-z0-9_-]+)\s*:\s*(.+)")


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """The topmost ``Procfile``; those for development (``Procfile.dev``) are none of ours.

    Of two lines for one process the last counts, as Heroku has it.
    """
    for path in tree.named("Procfile")[:1]:
        named: dict[str, ProcessLine] = {}
        for number, line in enumerate(_joined(tree.text(path)), start=1):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            match = _LINE.fullmatch(stripped)
            if match is None:
                yield BrokenFile(Evidence(path, number), "a line that is not 'name: command'")
            else:
                command = re.sub(r"\s+#\s.*$", "", match[2]).strip()
                named[match[1]] = ProcessLine(
                    Evidence(path, number), match[1], command, parent(path)
                )
        yield from named.values()


def _joined(text: str) -> Iterator[str]:
    """Lines, those that end in a backslash with their continuation (numbers kept)."""
    held = ""
    for line in text.splitlines():
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            yield ""
        else:
            yield held + line
            held = ""
