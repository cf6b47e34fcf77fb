"""``holdfast rollback``."""

from __future__ import annotations

import sys
from typing import Any

import click

from holdfast.cli.asking import confirm
from holdfast.cli.deploy import tell
from holdfast.cli.following import follow, showing
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, server_options, strategy_option, yes_option
from holdfast.cli.project import App, find_app
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.plan import plan_lines
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError
from holdfast.protocol import Request

FEATURE = "rollback.plan_only"
"""In ``features`` of an agent's ``hello`` when its ``rollback`` heeds ``plan_only``."""


@verb(
    "rollback",
    "holdfast rollback",
    "holdfast rollback 20261123-091502-3f2a1c9 --yes",
    "holdfast rollback --plan",
)
@click.argument("release", required=False)
@strategy_option
@click.option("--plan", "plan_only", is_flag=True, help="Show what it would do, and stop.")
@dry_run_option
@yes_option
@server_options
@given
def command(
    invocation: Invocation,
    release: str | None,
    strategy: str | None,
    plan_only: bool,
    yes: bool,
    where: Where,
) -> None:
    """Deploy an earlier release again: RELEASE, or the one before the current.

    The database stays as it is; the plan says when the older code may not suit it, and
    then, on a terminal, it is asked for.
    """
    app = find_app(invocation, where, changes=True)
    params: dict[str, Any] = {"app": app.name}
    if release is not None:
        params["release"] = release
    if strategy is not None:
        params["strategy"] = strategy
    if plan_only:
        plan = _plan(app, params)
        return invocation.answer({"plan": plan}, plan_lines(plan, Paint(), findings=True))
    if invocation.interactive and not yes and not invocation.dry_run:
        _ask(app, params)
    with showing(invocation) as view:
        result = follow(app, Request("rollback", params), view)
    return tell(invocation, app, result)


def _can_plan(app: App) -> bool:
    """An agent that does not know ``plan_only`` would roll back for real: ask it first."""
    return FEATURE in app.call("hello").get("features", ())


def _plan(app: App, params: dict[str, Any]) -> dict[str, Any]:
    if not _can_plan(app):
        raise UsageError(
            f"the Holdfast on {app.transport.server} cannot plan a rollback without doing it",
            hint="holdfast releases lists what can be rolled back to",
        )
    asked = Request("rollback", {**params, "plan_only": True})
    plan: dict[str, Any] = app.transport.call(asked, lambda _: None)["plan"]
    return plan


def _ask(app: App, params: dict[str, Any]) -> None:
    """Ask where something could be lost; a rollback known to be harmless just runs."""
    if not _can_plan(app):
        confirm(f"Roll {app.name} back? Its database stays as it is.")
        return
    plan = _plan(app, params)
    if plan.get("warnings"):
        print("\n".join(plan_lines(plan, Paint(sys.stderr))), file=sys.stderr)
        confirm("Roll back?")
