"""``holdfast ssh``."""

from __future__ import annotations

import sys

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, server_options
from holdfast.cli.project import server_of
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError


@verb(
    "ssh",
    "holdfast ssh",
    "holdfast ssh --env staging",
    "holdfast ssh -- journalctl -n 20",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("argv", nargs=-1, metavar="[COMMAND...]")
@server_options
@given
def command(invocation: Invocation, argv: tuple[str, ...], where: Where) -> int:
    """Open a shell on the app's server, or run COMMAND there.

    As your own ssh would, on a terminal if this is one; its exit status is ours.
    """
    server = server_of(invocation, where)
    if server in (None, "local"):
        raise UsageError(
            "ssh needs a server: this app's is this machine",
            hint="give --server user@host, or write it under [app] in holdfast.toml",
        )
    from holdfast.transport.ssh import shell

    tty = sys.stdin.isatty() and sys.stdout.isatty() and not invocation.json
    status = shell(str(server), argv, tty=tty)
    if invocation.json:
        invocation.answer({"status": status})
    return status
