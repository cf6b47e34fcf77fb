"""Migrations in a web line, before its server: they belong into the release command.

``web: flask db upgrade; gunicorn app:app`` migrates at every start of the web process, while
the old release serves. Once, before the new one is started, is what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from holdfast.detect import command_line
from holdfast.detect.facts import Fact, ProcessLine

MIGRATES = re.compile(
    r"(?:manage\.py|django-admin|-m django)\s+migrate\b|\bflask\b.*\bdb\s+upgrade\b"
    r"|\balembic\b.*\bupgrade\b|\baerich\s+upgrade\b|\bpiccolo\s+migrations\s+forwards\b"
    r"|\byoyo\s+apply\b"
)
_QUOTED = re.compile(r"['\"`\\]|\$\(")


def moved(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts, with migrations of the web line as a release line, if there is none."""
    every = tuple(facts)
    lines = [fact for fact in every if isinstance(fact, ProcessLine)]
    web = next((line for line in lines if line.name == "web"), None)
    if web is None or any(line.name == "release" for line in lines):
        return every
    left, migrations = _parted(web.command)
    if not migrations or command_line.parse(left) is None:
        return every
    release = replace(web, name="release", command=" && ".join(migrations))
    changed = replace(web, command=left)
    return (*(changed if fact is web else fact for fact in every), release)


def _parted(command: str) -> tuple[str, list[str]]:
    """A chain of commands without those that migrate, and these; quoted ones are left whole."""
    if _QUOTED.search(command):
        return command, []
    *before, last = re.split(r"(&&|;)", command)
    kept, migrations = "", []
    for item, sign in zip(before[::2], before[1::2], strict=True):
        if MIGRATES.search(item):
            migrations.append(item.strip())
        else:
            kept += f"{item.strip()} {sign} "
    return f"{kept}{last.strip()}", migrations
