"""``holdfast server deploy-key``: keys for CI."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, server_options
from holdfast.cli.project import App, find_app
from holdfast.cli.show.table import table
from holdfast.cli.typed import Typed
from holdfast.cli.verb import given, verb_group
from holdfast.errors import UsageError

app_option = click.option("--app", "app_name", metavar="APP", help="The app; the same as --name.")


@verb_group(
    "deploy-key",
    "holdfast server deploy-key add deploy-key.pub --app notes",
    "holdfast server deploy-key list --app notes",
    "holdfast server deploy-key remove SHA256:… --app notes",
)
def command() -> None:
    """Keys that can deploy one app and do nothing else, for CI."""


@command.command("add", examples=["holdfast server deploy-key add deploy-key.pub --app notes"])
@click.argument("file", metavar="FILE")
@click.option(
    "--allow-host",
    is_flag=True,
    help="What it deploys may reach the server: mount Docker's socket, say. As good as root's.",
)
@app_option
@dry_run_option
@server_options
@given
def add(
    invocation: Invocation, file: str, app_name: str | None, where: Where, *, allow_host: bool
) -> None:
    """Let the public key in FILE (-: standard input) deploy the app.

    A Compose project that it brings may not reach the server itself, by a mount of the server's
    directories, privileges and the like; --allow-host allows that to this key.
    """
    try:
        key = sys.stdin.read() if file == "-" else invocation.path(file).read_text()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from None
    app = _find(invocation, app_name, where)
    result = app.call("key.add", key=key, **({"host": True} if allow_host else {}))
    host = app.transport.server.rpartition("@")[2]
    invocation.answer(
        result,
        [
            f"{result.get('added')} can deploy {app.name}",
            f"in CI: holdfast deploy --server {result.get('user')}@{host} --name {app.name}",
        ],
    )


@command.command("list", examples=["holdfast server deploy-key list --app notes"])
@app_option
@server_options
@given
def list_(invocation: Invocation, app_name: str | None, where: Where) -> None:
    """List the keys that can deploy the app."""
    app = _find(invocation, app_name, where)
    result = app.call("key.list")
    rows = [
        (key["fingerprint"], key["kind"], key["comment"], "as root" if key.get("host") else "")
        for key in result["keys"]
    ]
    invocation.answer(result, table(rows) or [f"{app.name} has no deploy key"])


@command.command("remove", examples=["holdfast server deploy-key remove ci@example --app notes"])
@click.argument("key", metavar="KEY")
@app_option
@dry_run_option
@server_options
@given
def remove(invocation: Invocation, key: str, app_name: str | None, where: Where) -> None:
    """Take a key away: its fingerprint, or its comment."""
    app = _find(invocation, app_name, where)
    result = app.call("key.remove", key=key)
    invocation.answer(result, [f"removed {', '.join(result.get('removed', ()))}"])


def _find(invocation: Invocation, name: str | None, where: Where) -> App:
    invocation.typed = Typed(where.server, name or where.name, where.overlay)
    return find_app(invocation, where if name is None else replace(where, name=name))
