"""Samples of an environment (``.env.example``): which variables there are, and how they look.

They hold development values. They are offered as names, never used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.candidates import is_for_tests
from holdfast.detect.facts import CommittedEnv, Evidence, Fact, SampleValue
from holdfast.detect.tree import Tree

_NAMES = (
    *(
        f"{stem}{dot}{word}"
        for stem in (".env", "env", ".envrc", "dotenv")
        for dot in (".", "-", "_")
        for word in ("example", "sample", "template", "dist", "tpl", "default")
    ),
    *("example.env", "sample.env", "template.env", ".example.env"),
)
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=[ \t]*(.*?)\s*$", re.MULTILINE)
_LONGEST = 40


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    for path in tree.named(*_NAMES):
        text = tree.text(path)
        for match in _LINE.finditer(text):
            value = re.sub(r"\s+#.*$", "", match[2]).strip("'\"")[:_LONGEST]
            line = text.count("\n", 0, match.start(1)) + 1
            yield SampleValue(Evidence(path, line), match[1], value)
    yield from _read_by_itself(tree)


_READS = re.compile(
    rb"load_dotenv\(|dotenv_values\(|env_file\s*=|\.read_env\(|from decouple import"
)


def _read_by_itself(tree: Tree) -> Iterator[CommittedEnv]:
    """The topmost ``.env``, if the code loads one."""
    for path in tree.named(".env")[:1]:
        words = (b"dotenv", b"env_file", b"read_env", b"decouple")
        for file, data in tree.holding(*words):
            found = _READS.search(data)
            if found and not is_for_tests(file):
                names = tuple(match[1] for match in _LINE.finditer(tree.text(path)))
                reader = Evidence(file, data.count(b"\n", 0, found.start()) + 1)
                yield CommittedEnv(Evidence(path), names, reader)
                return
