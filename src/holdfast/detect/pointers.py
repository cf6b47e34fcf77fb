"""Files of which only a pointer is here: Git LFS has their content, and nobody has fetched it."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from holdfast.config import Config
from holdfast.detect.facts import Evidence, Fact, Pointer
from holdfast.detect.tree import Tree

_HEAD = b"version https://git-lfs.github.com/spec/"
_LONGEST = 1024
"""Bytes; of the format's own specification."""


def recognise(tree: Tree, config: Config) -> Iterator[Fact]:
    """Those that ``.gitattributes`` gives to LFS, as far as they are no more than a pointer."""
    lines = (line.split() for line in tree.text(".gitattributes").splitlines())
    patterns = [words[0].lstrip("/") for words in lines if "filter=lfs" in words[1:]]
    for path in tree.files if patterns else ():
        name = path.rpartition("/")[2]
        if not any(fnmatch.fnmatch(path, item) or fnmatch.fnmatch(name, item) for item in patterns):
            continue
        if (tree.root / path).stat().st_size < _LONGEST and tree.read(path).startswith(_HEAD):
            yield Pointer(Evidence(path))
