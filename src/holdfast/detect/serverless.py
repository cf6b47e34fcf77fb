"""The app that platforms were told which start it themselves, without a command."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import AppHint, Evidence, Fact
from holdfast.detect.tree import Tree

_FUNCTIONS = {"vercel.json": r'"src"\s*:\s*"([\w./-]+\.py)"',
              "zappa_settings.json": r'"app_function"\s*:\s*"([\w.]+)"'}  # fmt: skip


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    yield from _beanstalk(tree)
    yield from _functions(tree)


def _beanstalk(tree: Tree) -> Iterator[Fact]:
    """``WSGIPath`` in the settings of Elastic Beanstalk."""
    for path in tree.beside(".ebextensions"):
        text = tree.text(path)
        if match := re.search(r"(?m)^\s*\"?WSGIPath\"?\s*:\s*[\"']?([\w./:-]+)", text):
            line = text.count("\n", 0, match.start(1)) + 1
            yield AppHint(Evidence(path, line), match[1].removesuffix(".py"), path)


def _functions(tree: Tree) -> Iterator[Fact]:
    """The file or object that a platform of functions was given as the app."""
    for name, shape in _FUNCTIONS.items():
        for path in tree.named(name)[:1]:
            text = tree.text(path)
            if match := re.search(shape, text):
                line = text.count("\n", 0, match.start(1)) + 1
                said = match[1] if match[1].endswith(".py") else ":".join(match[1].rsplit(".", 1))
                yield AppHint(Evidence(path, line), said, path)
