"""``holdfast open``."""

from __future__ import annotations

from holdfast.cli.gate import tell_gate
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, server_options
from holdfast.cli.project import find_app
from holdfast.cli.verb import given, verb


@verb("open", "holdfast open")
@dry_run_option
@server_options
@given
def command(invocation: Invocation, where: Where) -> None:
    """Let requests through again: ends a hold or maintenance; the line drains in order."""
    app = find_app(invocation, where)
    tell_gate(invocation, app, "open", "Requests go to the app.")
