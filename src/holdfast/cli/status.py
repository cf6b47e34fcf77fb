"""``holdfast status``."""

from __future__ import annotations

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.status import status_lines
from holdfast.cli.verb import given, verb
from holdfast.errors import NotFound
from holdfast.protocol import Request


@verb("status", "holdfast status", "holdfast status --all", "holdfast status --json | tail -1")
@click.option("--all", "all_apps", is_flag=True, help="Every app on the server.")
@server_options
@given
def command(
    invocation: Invocation,
    all_apps: bool,
    where: Where,
) -> None:
    """Show the app: its release, gate, processes, last deploy and its error.

    In a folder that is no app of the server, and with --all, every app is shown.
    """
    app = find_app(invocation, where, nameless=True)
    result = app.transport.call(Request("status", {}), lambda _: None)
    mine = [item for item in result["apps"] if item["app"] == app.name]
    if app.named and not mine and not all_apps:
        raise NotFound(
            f"{app.name} was never deployed to {app.transport.server}",
            hint="holdfast deploy deploys it; holdfast status --all shows what is there",
        )
    shown = mine if mine and not all_apps else result["apps"]
    nothing = [] if shown else [f"no app on {app.transport.server} yet"]
    invocation.answer({**result, "apps": shown}, [*nothing, *status_lines(result, shown, Paint())])
