"""``holdfast destroy``."""

from __future__ import annotations

import click

from holdfast.cli.asking import confirm_by_name
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, server_options, yes_option
from holdfast.cli.project import find_app
from holdfast.cli.show import words
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError


@verb("destroy", "holdfast destroy --keep-data", "holdfast destroy --name notes --yes")
@click.option("--keep-data", is_flag=True, help="Keep what the app has written, and its variables.")
@dry_run_option
@yes_option
@server_options
@given
def command(
    invocation: Invocation,
    keep_data: bool,
    yes: bool,
    where: Where,
) -> None:
    """Remove the app from the server: processes, releases, deploy keys, and its data."""
    app = find_app(invocation, where, changes=True)
    what = "its releases" if keep_data else "its releases, variables and data, for ever"
    if not yes and not invocation.dry_run:
        if not invocation.interactive:
            raise UsageError(
                f"destroy removes {app.name} from {app.transport.server} with {what}",
                hint="give --yes where nobody can be asked",
            )
        confirm_by_name(f"Remove {app.name} from {app.transport.server} with {what}?", app.name)
    result = app.call("destroy", keep_data=keep_data)
    kept = "; its data is kept" if keep_data else ""
    gone = result.get("keys") or ()
    no_key = f"; {words.count(len(gone), 'deploy key')} of it taken away" if gone else ""
    invocation.answer(result, [f"{app.name} is removed from {app.transport.server}{kept}{no_key}"])
