"""How a verb is declared: the options all verbs have, and examples in its help."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from holdfast.cli.invocation import Invocation


def _set_json(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).json = True


def _set_debug(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Invocation).debug = True


def _set_directory(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    path = Path(value)
    if not path.is_dir() and not ctx.resilient_parsing:
        raise click.BadParameter(f"{value}: no such directory", ctx=ctx, param=parameter)
    ctx.ensure_object(Invocation).directory = path


def common_options() -> list[click.Option]:
    """``-C``, ``--json`` and ``--debug``: before the verb or after it."""
    return [
        click.Option(
            ["-C", "--directory"],
            metavar="DIR",
            is_eager=True,
            expose_value=False,
            callback=_set_directory,
            help="Work as if started in DIR.",
        ),
        click.Option(
            ["--json"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_set_json,
            help="Answer in lines of JSON; the last is the result or the error.",
        ),
        click.Option(
            ["--debug"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_set_debug,
            help="Show the traceback of a fault of Holdfast's own.",
        ),
    ]


def _write_examples(formatter: click.HelpFormatter, examples: Sequence[str]) -> None:
    with formatter.section("Examples"):
        for line in examples:
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")


class Verb(click.Command):
    """A command with the common options and examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.params.extend(common_options())
        self.examples = examples

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """click's parser leaves out which command an option without its value belongs to."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(formatter, self.examples)


class VerbGroup(click.Group):
    """A verb with verbs below it (``env set``)."""

    command_class = Verb

    def __init__(self, *args: Any, examples: Sequence[str] = (), **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.params.extend(common_options())
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _write_examples(formatter, self.examples)


def verb(
    name: str, *examples: str, **settings: Any
) -> Callable[[Callable[..., int | None]], click.Command]:
    """Declare a verb; its function's docstring is its help."""
    return click.command(name, cls=Verb, examples=examples, **settings)


def verb_group(
    name: str, *examples: str, **settings: Any
) -> Callable[[Callable[..., int | None]], VerbGroup]:
    """Declare a verb that has verbs below it."""
    return click.group(name, cls=VerbGroup, examples=examples, **settings)


given = click.make_pass_decorator(Invocation)
"""Gives the verb's function the invocation as its first argument."""
