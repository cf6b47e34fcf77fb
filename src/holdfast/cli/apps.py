"""``holdfast apps``."""

from __future__ import annotations

from typing import Any

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show.table import table
from holdfast.cli.verb import given, verb
from holdfast.protocol import Request


@verb("apps", "holdfast apps", "holdfast apps --server deploy@203.0.113.7", "holdfast apps --json")
@server_options
@given
def command(invocation: Invocation, where: Where) -> None:
    """List the apps on the server: release, state, domains."""
    transport = find_app(invocation, where, nameless=True).transport
    apps = transport.call(Request("status", {}), lambda _: None)["apps"]
    listed = [_listed(item) for item in apps]
    rows = [
        (
            item["app"],
            item["release"] or "no release yet",
            item["state"],
            ", ".join(item["domains"]),
        )
        for item in listed
    ]
    invocation.answer({"apps": listed}, table(rows) or [f"no app on {transport.server} yet"])


def _listed(item: dict[str, Any]) -> dict[str, Any]:
    gate = item.get("gate")
    state = "not live" if gate is None else gate["effective"]
    if down := item.get("down"):
        state = f"{state}, {', '.join(down)} down"
    last = item.get("last_deploy")
    if last is not None and last["outcome"] is None:
        state = f"{state}, {last['kind']} under way"
    return {
        "app": item["app"],
        "release": item["release"],
        "commit": item["commit"],
        "state": state,
        "down": list(down or ()),
        "domains": item["domains"],
        "url": item["url"],
    }
