"""``holdfast run``."""

from __future__ import annotations

import sys

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, server_options
from holdfast.cli.project import find_app
from holdfast.cli.verb import given, verb


@verb(
    "run",
    "holdfast run -- python manage.py createsuperuser",
    "holdfast run -- flask shell",
    "holdfast run -- sh -c 'sqlite3 instance/notes.db .dump' > dump.sql",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("argv", nargs=-1, required=True, metavar="COMMAND...")
@dry_run_option
@server_options
@given
def command(
    invocation: Invocation,
    argv: tuple[str, ...],
    where: Where,
) -> int:
    """Run COMMAND in the directory and environment of the release that serves.

    Its input and output are this terminal's, and its exit status is ours. Options of ours
    come before COMMAND. Variables are those that holdfast env keeps now; the processes
    have what was kept at the last deploy.
    """
    app = find_app(invocation, where, changes=True)
    tty = sys.stdin.isatty() and sys.stdout.isatty() and not invocation.json
    status = app.transport.interactive(app.name, argv, tty=tty)
    if invocation.json or invocation.dry_run:
        invocation.answer({"status": status})
    return status
