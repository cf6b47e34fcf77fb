"""Translations that are not compiled: ``.po`` files without the ``.mo`` that programs read.

Most projects leave ``.mo`` files out of git; without them visitors read the untranslated text.
"""

from __future__ import annotations

from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_aside
from holdfast.detect.facts import Evidence, Fact, Translations
from holdfast.detect.tree import Tree, parent

_DJANGOS = ("django.po", "djangojs.po")


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """One fact for each folder of translations: ``locale``, ``translations``."""
    found: dict[tuple[str, bool], list[str]] = {}
    for path in tree.files:
        if path.endswith(".po") and "/LC_MESSAGES/" in f"/{path}" and not is_aside(path):
            if not tree.has(f"{path[:-3]}.mo"):
                folder = parent(parent(parent(path)))
                key = folder, path.rpartition("/")[2] in _DJANGOS
                found.setdefault(key, []).append(path)
    for (folder, is_django), paths in found.items():
        languages = {parent(parent(path)).rpartition("/")[2] for path in paths}
        domains = {path.rpartition("/")[2][:-3] for path in paths}
        yield Translations(
            Evidence(paths[0]), folder, tuple(sorted(languages)), tuple(sorted(domains)), is_django
        )
