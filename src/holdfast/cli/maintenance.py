"""``holdfast maintenance``."""

from __future__ import annotations

import click

from holdfast.cli.gate import tell_gate
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, server_options
from holdfast.cli.project import checked, find_app
from holdfast.cli.verb import given, verb


@verb("maintenance", "holdfast maintenance", "holdfast maintenance --allow 203.0.113.0/24")
@click.option(
    "--allow",
    metavar="NETWORK",
    multiple=True,
    help="Who still gets in: an address or a network; repeat it for more. [default: the config's]",
)
@dry_run_option
@server_options
@given
def command(
    invocation: Invocation,
    allow: tuple[str, ...],
    where: Where,
) -> None:
    """Answer every request with the maintenance page (503), until holdfast open."""
    from holdfast.config.names import network

    networks = [checked("--allow", network, item) for item in allow]
    app = find_app(invocation, where)
    but = f", except {', '.join(networks)}" if networks else ""
    params = {"allow": networks} if networks else {}
    tell_gate(invocation, app, "maintenance", f"Everybody gets the page{but}.", **params)
