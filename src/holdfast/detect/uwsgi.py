"""The app that uWSGI was told: by its command line, or by its configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import AppHint, Evidence, Fact
from holdfast.detect.tree import Tree

_MODULE = re.compile(r"^\s*(?:module|wsgi-file|mount\s*=\s*/)\s*=\s*([\w./:-]+)", re.MULTILINE)


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """``module = wsgi:app`` of a uWSGI configuration."""
    for path in tree.named("uwsgi.ini", "wsgi.ini", "app.ini")[:1]:
        if named := _of_ini(tree.text(path)):
            yield AppHint(Evidence(path), named, path)


def _of_ini(text: str) -> str | None:
    match = _MODULE.search(text)
    called = re.search(r"(?m)^\s*callable\s*=\s*(\w+)", text)
    return _target(match[1], called[1] if called else None) if match else None


def _target(module: str, attribute: str | None) -> str:
    plain = module.removesuffix(".py")
    return plain if ":" in plain or attribute is None else f"{plain}:{attribute}"


def of_line(tree: Tree, command: str) -> str | None:
    """The app of a uWSGI command line: its own options, or those of the file that it names."""
    found = re.search(r"(?:^|\s)uwsgi\s+(.+)$", command)
    if found is None:
        return None
    options = found[1]
    module = re.search(
        r"(?:--module|--wsgi-file|--wsgi|--mount|-w)[= ]+(?:/\S*=)?([\w./:-]+)", options
    )
    called = re.search(r"--callable[= ]+(\w+)", options)
    if module:
        return _target(module[1], called[1] if called else None)
    named = re.search(r"([\w./-]+\.ini)\b", options)
    path = os.path.normpath(named[1]) if named else ""
    return _of_ini(tree.text(path)) if tree.has(path) else None
