"""Migrations that Aerich, Piccolo or yoyo run: each has a file that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.config import Config
from holdfast.detect.facts import Evidence, Fact, Migrations
from holdfast.detect.tree import Tree, parent

COMMANDS = {
    "aerich": "aerich upgrade",
    "piccolo": "piccolo migrations forwards all",
    "yoyo": "yoyo apply --batch",
}
"""What brings a database to its newest state; each does nothing where it is there already."""

PACKAGES = {"alembic": "alembic", "aerich": "aerich", "piccolo": "piccolo",
            "yoyo": "yoyo-migrations"}  # fmt: skip


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for path in tree.named("pyproject.toml"):
        if (at := tree.text(path).find("[tool.aerich]")) >= 0:
            line = tree.text(path).count("\n", 0, at) + 1
            yield Migrations(Evidence(path, line), "aerich", parent(path))
    for path in tree.named("piccolo_conf.py"):
        if "APP_REGISTRY" in tree.text(path):
            yield Migrations(Evidence(path), "piccolo", parent(path))
    for path in tree.named("yoyo.ini"):
        yield Migrations(Evidence(path), "yoyo", parent(path))


def missing(facts: Iterable[Fact], packages: frozenset[str]) -> tuple[str, ...]:
    """The tools that run migrations and that no dependency file names.

    Alembic often stands among what is for development alone.
    """
    wanted = [PACKAGES[item.tool] for item in facts
              if isinstance(item, Migrations) and item.tool in PACKAGES]  # fmt: skip
    return tuple(dict.fromkeys(name for name in wanted if name not in packages))
