"""A step of a deploy: a name, what it does, how it is undone."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.deploy.context import Context
from holdfast.records import record


def always(context: Context) -> bool:
    return True


@record
class Step:
    """One line of a strategy.

    Attributes:
        name: its key in the journal.
        title: what a person reads.
        do: runs it; may be called again after a crash. Returns a note for the journal.
        undo: takes it back, also when it was only half done; may be called again.
        applies: whether this deploy has the step at all.
        final: once this step is done the new release serves: from here on only forward.
    """

    name: str
    title: str
    do: Callable[[Context], str | None]
    undo: Callable[[Context], None] | None = None
    applies: Callable[[Context], bool] = always
    final: bool = False
