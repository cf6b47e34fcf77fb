"""What sshd says of its settings, and whom it lets in by its lists of users and groups
(sshd_config(5), AllowUsers and the like).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

LISTS = ("DenyUsers", "AllowUsers", "DenyGroups", "AllowGroups")
"""In sshd's own order (auth.c, allowed_user)."""


def sshd_settings(text: str) -> dict[str, str]:
    """``sshd -T``: a keyword and its value a line; a repeated one (port) is joined by blanks."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.strip().partition(" ")
        if name:
            found[name.lower()] = f"{found[name.lower()]} {value}" if name in found else value
    return found


def kept_out(settings: Mapping[str, str], user: str, groups: Collection[str]) -> str:
    """The list that keeps a user out whose keys are right; empty if none does.

    What a pattern says of the address somebody comes from is not judged: it may be the right one.

    Args:
        settings: see :func:`sshd_settings`.
    """
    for name in LISTS:
        patterns = settings.get(name.lower(), "").split()
        names = [user] if name.endswith("Users") else [*groups]
        denies = name.startswith("Deny")
        if not patterns:
            continue
        if any(_fits(pattern, one, denies) for pattern in patterns for one in names) == denies:
            return name
    return ""


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern, which knows ``*`` and ``?`` (ssh_config(5), PATTERNS)."""
    parts = re.split(r"([*?])", pattern)
    known = {"*": ".*", "?": "."}
    return (
        re.fullmatch("".join(known.get(part) or re.escape(part) for part in parts), name)
        is not None
    )


def _fits(pattern: str, name: str, denies: bool) -> bool:
    who, at, where = pattern.partition("@")
    return matches(who, name) and not (denies and at and where != "*")
