"""``holdfast server``: machines, before and beside the apps on them."""

from __future__ import annotations

from holdfast.cli import deploy_key
from holdfast.cli.verb import verb_group


@verb_group("server", "holdfast server deploy-key add deploy-key.pub --app notes")
def command() -> None:
    """Who may deploy to a server."""


command.add_command(deploy_key.command)
