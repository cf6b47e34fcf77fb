"""Alembic on its own: an ``alembic.ini`` with the directory of its scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import Evidence, Fact, Migrations
from holdfast.detect.tree import Tree, join, parent

_LOCATION = re.compile(r"^\s*script_location\s*=\s*(?:%\(here\)s/)?(\S+)", re.MULTILINE)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """Flask-Migrate's ``migrations/alembic.ini`` has no script_location, so it is not meant."""
    for path in tree.named("alembic.ini"):
        match = _LOCATION.search(tree.text(path))
        if match:
            directory = join(parent(path), match[1])
            if tree.has(join(directory, "env.py")):
                line = tree.text(path).count("\n", 0, match.start(1)) + 1
                yield Migrations(Evidence(path, line), "alembic", parent(path))
