"""``holdfast edge``."""

from __future__ import annotations

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show.edge import edge_lines
from holdfast.cli.show.paint import Paint
from holdfast.cli.verb import given, verb_group
from holdfast.protocol import Request


@verb_group("edge", "holdfast edge status")
def command() -> None:
    """Show the edge: the web server in front of every app, which holds requests."""


@command.command("status", examples=["holdfast edge status", "holdfast edge status --json"])
@server_options
@given
def status(invocation: Invocation, where: Where) -> None:
    """Show whether nginx runs, where it listens, and the gate of every app."""
    transport = find_app(invocation, where, nameless=True).transport
    result = transport.call(Request("edge.status"), lambda _: None)
    invocation.answer(result, edge_lines(result, Paint()))
