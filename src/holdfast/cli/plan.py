"""``holdfast plan``."""

from __future__ import annotations

import click

from holdfast.cli.following import showing
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, plan_options
from holdfast.cli.project import read_project, request
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.plan import plan_lines
from holdfast.cli.show.view import View
from holdfast.cli.verb import given, verb
from holdfast.protocol import Emit, Event, Kind


@verb(
    "plan",
    "holdfast plan --server local",
    "holdfast plan --json | tail -1",
    "holdfast plan --override",
)
@plan_options
@click.option("--override", is_flag=True, help="Show what is changed in a Compose project instead.")
@given
def command(
    invocation: Invocation,
    where: Where,
    domains: tuple[str, ...],
    strategy: str | None,
    dirty: bool,
    override: bool,
) -> None:
    """Show what a deploy would do, and why.

    The release is built on the server, beside the running one, so that pending migrations
    can be asked for; nothing that serves is touched.
    """
    from holdfast.cli.source import send

    project = read_project(invocation, where, domains, "plan")
    with showing(invocation) as view:
        for note in project.notes:
            view(Event(Kind.NOTE, {"text": note}))
        asked = request("plan", project, send(project, view, dirty=dirty), strategy)
        result = project.app.transport.call(asked, _without_plan(view, invocation))
    if override and not invocation.json:
        text = result["plan"].get("override") or "nothing: Docker Compose does not run this app\n"
        return invocation.answer(result, text.splitlines())
    lines = plan_lines(result["plan"], Paint(), findings=True)
    return invocation.answer(result, ["", *lines, "", "holdfast deploy does it"])


def _without_plan(view: View, invocation: Invocation) -> Emit:
    """The plan itself is the answer; a person need not read it twice."""

    def emit(event: Event) -> None:
        if invocation.json or event.kind is not Kind.PLAN_MADE:
            view(event)

    return emit
