"""Wrong arguments: what click raises, in our form, with what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

import click

from holdfast.errors import UsageError


def explain(error: click.ClickException) -> UsageError:
    """The same error as one of ours: which command, what is wrong, what to type."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "holdfast"
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return _no_verb(error, path)
    if isinstance(error, click.NoSuchOption):
        return _no_option(error, path)
    if isinstance(error, click.exceptions.NoSuchCommand):
        return _no_command(error, path)
    return UsageError(f"{path}: {_message(error)}", hint=f"{path} --help")


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant, or ``None``."""
    from difflib import get_close_matches

    names = list(known)
    found = get_close_matches(word, names, n=1, cutoff=0.6)
    longer = [name for name in names if len(word) > 2 and name.startswith(word)]
    return longer[0] if longer else found[0] if found else None


def _no_option(error: click.NoSuchOption, path: str) -> UsageError:
    known = [
        name
        for parameter in (error.ctx.command.params if error.ctx else ())
        for name in parameter.opts
        if name.startswith("--")
    ]
    meant = near(error.option_name, known)
    return UsageError(
        f"{path}: no such option: {error.option_name}",
        hint=f"did you mean {meant}?" if meant else f"{path} --help",
    )


def _no_command(error: click.exceptions.NoSuchCommand, path: str) -> UsageError:
    group = error.ctx.command if error.ctx else None
    known = group.list_commands(error.ctx) if isinstance(group, click.Group) and error.ctx else []
    meant = near(error.command_name, known)
    return UsageError(
        f"{path}: no such command: {error.command_name}",
        hint=f"did you mean {path} {meant}?" if meant else f"{path} --help",
    )


def _no_verb(error: click.exceptions.NoArgsIsHelpError, path: str) -> UsageError:
    """Which verbs there are; click would put its whole help text into the error."""
    group = error.ctx.command
    known = group.list_commands(error.ctx) if isinstance(group, click.Group) else []
    return UsageError(
        f"{path}: say what to do: {', '.join(f'{path} {name}' for name in known)}",
        hint=f"{path} --help",
    )


def _message(error: click.ClickException) -> str:
    """What is wrong, in one plain sentence without click's frame around it."""
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return f"{_label(error.param)} is missing"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_label(error.param)}: {_lower(error.message.rstrip('.'))}"
    return _lower(error.format_message().rstrip("."))


def _label(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Option):
        return max(parameter.opts, key=len)
    return (parameter.metavar or parameter.human_readable_name.upper()).strip("[].")


def _lower(text: str) -> str:
    """Start with a small letter, but leave ``SECRET_KEY`` alone."""
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
