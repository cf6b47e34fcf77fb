"""Questions; only where a person is there to answer (Invocation.interactive)."""

from __future__ import annotations

import click

from holdfast.errors import UsageError


def agreed(question: str) -> bool:
    """Yes or no; no if just Enter is pressed."""
    return click.confirm(question, default=False, err=True)


def confirm(question: str) -> None:
    """Go on after a yes.

    Raises:
        UsageError: it was a no; nothing has been changed.
    """
    if not agreed(question):
        raise UsageError("not confirmed; nothing was changed")


def confirm_by_name(question: str, name: str) -> None:
    """Go on when ``name`` is typed: for what cannot be taken back.

    Raises:
        UsageError: something else was typed; nothing has been changed.
    """
    typed = click.prompt(
        f"{question}\nType {name} to go on", err=True, default="", show_default=False
    )
    if typed != name:
        raise UsageError("not confirmed; nothing was changed")


def ask(question: str, default: str) -> str:
    """A line of text."""
    answer: str = click.prompt(question, default=default, err=True)
    return answer


def secret(name: str) -> str:
    """A value typed without being shown."""
    value: str = click.prompt(f"{name} (not shown)", hide_input=True, err=True)
    return value
