"""Something that ``holdfast check`` has found."""

from __future__ import annotations

from holdfast.errors import HoldfastError
from holdfast.records import record


@record
class Problem:
    """Something to put right; a deploy fails for a ``fatal`` one."""

    fatal: bool
    message: str
    hint: str | None


def fatal(error: HoldfastError) -> Problem:
    """An error that a deploy would end with."""
    return Problem(True, error.message, error.hint)
