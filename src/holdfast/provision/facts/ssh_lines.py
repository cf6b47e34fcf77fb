"""The lines of sshd's configuration, in the order in which sshd takes them (sshd_config(5)).

``sshd -T`` tells what holds for one login; which line of which file says so, and what a ``Match``
block says for all the others, only the files tell.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from holdfast.provision.facts.model import SshLine

MAIN = "/etc/ssh/sshd_config"
OURS = "/etc/ssh/sshd_config.d/00-holdfast.conf"
"""The first value of a keyword counts (sshd_config(5)): ours sorts before cloud-init's."""

_DEEPEST = 16  # servconf.c, SERVCONF_MAX_DEPTH
_LINE = re.compile(r"(\w+)(?:\s*=\s*|\s+)(.*)")


def read(root: Path = Path("/")) -> tuple[SshLine, ...]:
    """All that sshd would read; the first line of ours marks its place, be it there or not yet.

    Args:
        root: what stands for the root directory.
    """
    return tuple(_lines(root, MAIN, "", 0))


def _lines(root: Path, path: str, match: str, depth: int) -> Iterator[SshLine]:
    """A file's lines; a ``Match`` ends with the file that it stands in."""
    if path == OURS:
        yield SshLine(OURS, 0, match, "", "")
    try:
        text = (root / path[1:]).read_text(errors="replace")
    except OSError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        found = _LINE.fullmatch(line.strip())
        if found is None:
            continue
        keyword, words = found[1], _words(found[2])
        if keyword.lower() == "match":
            match = " ".join(words)
        elif keyword.lower() == "include":
            for name in _included(root, words) if depth < _DEEPEST else ():
                yield from _lines(root, name, match, depth + 1)
        else:
            yield SshLine(path, number, match, keyword, " ".join(words))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:  # sshd complains of it itself
        return text.split()


def _included(root: Path, patterns: list[str]) -> list[str]:
    """The files of an ``Include``, and ours where it would be one of them."""
    found: list[str] = []
    for pattern in patterns:
        whole = str(Path("/etc/ssh", pattern))
        names = {f"/{path.relative_to(root)}" for path in root.glob(whole[1:])}
        found += sorted(names | ({OURS} if fnmatch.fnmatch(OURS, whole) else set()))
    return found
