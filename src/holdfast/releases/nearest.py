"""The next versions that come ready made, of packages that no Python can have as asked for.

A list of 2019 pins numpy 1.16.3, whose wheels end at Python 3.7, and which nothing compiles today.
The oldest Python at hand and the next version that has a wheel for it come closest to what the
author had: 1.17.3 on Python 3.8. It is a guess, and said with every build until the list is mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from holdfast.app import OLDEST_PYTHON, Dependencies
from holdfast.releases.another_python import Sign, ended
from holdfast.releases.instead import names_in


def choose(
    sign: Sign,
    dependencies: Dependencies,
    python: str,
    minor: int,
    *,
    found: Callable[[str], str | None],
    lowest: Callable[[str, str], str | None],
    resolves: Callable[[str, Dependencies], bool],
) -> tuple[Dependencies, str] | None:
    """The dependencies with other versions, and the interpreter for them; ``None``: none would do.

    Args:
        python: the one that was tried, 3.``minor``.
        found: an interpreter of this machine for a request of uv's, or ``None``.
        lowest: the lowest version that fits a requirement and has a wheel for ``"3.8"``.
        resolves: whether uv finds versions of everything for ``"3.8"``.
    """
    done = names_in(dependencies.instead)
    if not sign.unbuilt or not all(sign.versions) or done & set(sign.unbuilt):
        return None
    for version, path in _pythons(dependencies, python, minor, found, again=bool(done)):
        asked = [
            f"{name}>={wanted}" for name, wanted in zip(sign.unbuilt, sign.versions, strict=True)
        ]
        others = [
            (name, lowest(line, version)) for name, line in zip(sign.unbuilt, asked, strict=True)
        ]
        if any(other is None for _, other in others):
            continue
        # The lowest comes closest; what else is pinned may only go with a later one.
        for lines in ([f"{name}=={other}" for name, other in others], asked):
            changed = replace(dependencies, instead=(*dependencies.instead, *lines))
            if resolves(version, changed):
                return changed, path
    return None


def _pythons(
    dependencies: Dependencies,
    python: str,
    minor: int,
    found: Callable[[str], str | None],
    *,
    again: bool,
) -> Iterator[tuple[str, str]]:
    """Versions and interpreters, the oldest first; the one at hand where no other may be taken."""
    asked = dependencies.python or ""
    asked = "" if ended(asked) else asked
    named = re.fullmatch(r"3\.\d+(?:\.\d+)?", asked)
    if not (dependencies.exact or again or named):
        within = f"{asked}," if asked else ""
        for other in range(OLDEST_PYTHON, minor):
            if (path := found(f"{within}==3.{other}.*" if within else f"3.{other}")) is not None:
                yield f"3.{other}", path
    yield f"3.{minor}", python


def said(before: Dependencies, after: Dependencies, path: str, python: str, sign: Sign) -> str:
    """What was done, in a sentence."""
    lines = ", ".join(line for line in after.instead if line not in before.instead)
    pinned = ", ".join(
        f"{name} {version}" for name, version in zip(sign.unbuilt, sign.versions, strict=True)
    )
    where = f", on {path}" if path != python else ""
    return f"{pinned} cannot be built for any Python here: {lines}, the next, is taken{where}"
