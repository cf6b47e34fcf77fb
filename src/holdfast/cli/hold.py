"""``holdfast hold``."""

from __future__ import annotations

import click

from holdfast.cli.gate import tell_gate
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Duration, Where, dry_run_option, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show import words
from holdfast.cli.verb import given, verb


@verb("hold", "holdfast hold --for 30s", "holdfast hold")
@click.option(
    "--for",
    "lease",
    type=Duration(),
    help="Open by itself after 30s, 5m, … [default: when holdfast open is called]",
)
@dry_run_option
@server_options
@given
def command(
    invocation: Invocation,
    lease: float | None,
    where: Where,
) -> None:
    """Let requests wait in line.

    They are answered, in order, when the gate opens; one that has waited for [web]
    max_wait (90 s) is answered 503.
    """
    app = find_app(invocation, where)
    end = f"for {words.seconds(lease)}" if lease else "until holdfast open"
    tell_gate(invocation, app, "hold", f"Requests wait in line {end}.", lease=lease)
