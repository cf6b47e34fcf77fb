"""``holdfast cert``: certificates of the server's apps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from holdfast.cli.following import showing
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show.cert import cert_lines
from holdfast.cli.show.paint import Paint
from holdfast.cli.verb import given, verb_group
from holdfast.protocol import Request


@verb_group("cert", "holdfast cert list", "holdfast cert renew")
def command() -> None:
    """List and renew the certificates of the server's apps.

    Nobody has to: they are asked for at the end of a deploy, and renewed by a timer.
    """


@command.command("list", examples=["holdfast cert list", "holdfast cert list --json"])
@server_options
@given
def list_(invocation: Invocation, where: Where) -> None:
    """Show every app's certificate: its end, and what is missing and why."""
    app = find_app(invocation, where, nameless=True)
    params = {"app": app.name} if where.name else {}
    result = app.transport.call(Request("cert.list", params), lambda _: None)
    _answer(invocation, result)


@command.command("renew", examples=["holdfast cert renew", "holdfast cert renew --force"])
@click.option("--force", is_flag=True, help="Ask for a new one though the old is good.")
@server_options
@given
def renew(invocation: Invocation, force: bool, where: Where) -> None:
    """Ask now for the app's certificate if it is missing or about to end."""
    app = find_app(invocation, where)
    with showing(invocation) as view:
        result = app.transport.call(Request("cert.renew", {"app": app.name, "force": force}), view)
    _answer(invocation, result)


def _answer(invocation: Invocation, result: Mapping[str, Any]) -> None:
    lines = cert_lines(result["certificates"], Paint())
    invocation.answer(dict(result), lines or ["no app is live yet, so there is no certificate"])
