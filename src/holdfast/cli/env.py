"""``holdfast env``: the app's variables and secrets, kept on the server."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from holdfast.cli.asking import secret
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show.table import table
from holdfast.cli.show.words import count
from holdfast.cli.verb import given, verb_group
from holdfast.errors import UsageError


def _later(names: Sequence[str]) -> str:
    return f"the next deploy uses {'it' if len(names) == 1 else 'them'}"


@verb_group(
    "env",
    'printf %s "$KEY" | holdfast env set STRIPE_KEY',
    "holdfast env import .env.production",
    "holdfast env list",
    "holdfast env unset STRIPE_KEY",
)
def command() -> None:
    """Set, unset, list and import the app's variables.

    They are kept on the server, in a file that only the app's owner can read. Every process of
    the app has them from the next deploy on, and holdfast run at once. A value is never
    shown again.
    """


@command.command("set", examples=['printf %s "$KEY" | holdfast env set STRIPE_KEY'])
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@dry_run_option
@server_options
@given
def set_(
    invocation: Invocation,
    names: tuple[str, ...],
    where: Where,
) -> None:
    """Set NAME to what comes on standard input; on a terminal it is asked for.

    One line end at the end of the input is not part of the value. Several NAMEs are asked
    for one after the other.
    """
    from holdfast.cli.variables import left_out, refusal

    _refuse_values(names)
    if reserved := left_out(invocation, where, names):
        raise refusal(reserved)
    app = find_app(invocation, where, changes=True)
    if invocation.interactive:
        values = {variable: secret(variable) for variable in names}
    else:
        values = {_only(names): _standard_input(names[0])}
    result = app.call("env.set", values=values)
    invocation.answer(
        {"set": sorted(values), **result}, [f"{', '.join(values)} set; {_later(names)}"]
    )


@command.command("unset", examples=["holdfast env unset STRIPE_KEY OLD_KEY"])
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@dry_run_option
@server_options
@given
def unset(
    invocation: Invocation,
    names: tuple[str, ...],
    where: Where,
) -> None:
    """Remove variables; when one is not set, none is removed."""
    app = find_app(invocation, where, changes=True)
    result = app.call("env.unset", names=list(names))
    invocation.answer(
        {"unset": list(names), **result}, [f"{', '.join(names)} removed from the next deploy on"]
    )


@command.command("list", examples=["holdfast env list --json"])
@server_options
@given
def list_(invocation: Invocation, where: Where) -> None:
    """List the variables, their values masked."""
    app = find_app(invocation, where)
    result = app.call("env.list")
    rows = table(sorted(result["names"].items()))
    invocation.answer(result, rows or [f"{app.name} has no variables"])


@command.command("import", examples=["holdfast env import .env.production"])
@click.argument("file", metavar="FILE")
@dry_run_option
@server_options
@given
def import_(invocation: Invocation, file: str, where: Where) -> None:
    """Set every variable in FILE (dotenv syntax; - for standard input).

    Variables that FILE does not name stay as they are. ${OTHER} is not replaced. What
    Holdfast itself sets (PORT, VIRTUAL_ENV, HOLDFAST_...) is left out, and that is said.
    """
    from holdfast.cli.variables import left_out, parse, read_file, without

    values = parse(sys.stdin, "standard input") if file == "-" else read_file(invocation.path(file))
    skipped = left_out(invocation, where, values)
    values, notes = without(values, skipped)
    for note in notes:
        invocation.note(f"note: {note}")
    result = find_app(invocation, where, changes=True).call("env.set", values=values)
    names = sorted(values)
    invocation.answer(
        {"set": names, "skipped": skipped, **result},
        [f"{count(len(names), 'variable')} set: {', '.join(names)}; {_later(names)}"],
    )


def _refuse_values(names: Sequence[str]) -> None:
    """A value in the arguments is in the shell's history, and ``ps`` shows it to everybody."""
    for given_name in names:
        variable, equals, _value = given_name.partition("=")
        if equals:
            raise UsageError(
                f"{variable}: a value does not belong in the arguments,"
                " where every user of this machine can read it",
                hint=f"holdfast env set {variable} asks for it; or send it:"
                f' printf %s "$VALUE" | holdfast env set {variable}',
            )


def _only(names: Sequence[str]) -> str:
    if len(names) > 1:
        raise UsageError(
            "standard input is one value, and several names are given",
            hint="holdfast env import FILE sets several at once",
        )
    return names[0]


def _standard_input(name: str) -> str:
    if sys.stdin.isatty():
        raise UsageError(
            f"{name}: no value on standard input",
            hint=f'printf %s "$VALUE" | holdfast env set {name} --json',
        )
    value = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    if not value:
        raise UsageError(
            f"{name}: standard input is empty", hint=f"holdfast env unset {name} removes it"
        )
    return value
