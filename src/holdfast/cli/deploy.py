"""``holdfast deploy``."""

from __future__ import annotations

from typing import Any

import click

from holdfast.cli.following import follow, showing
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where, dry_run_option, plan_options, yes_option
from holdfast.cli.project import App, Project, find_app, read_project, request
from holdfast.cli.show import words
from holdfast.cli.show.paint import Paint
from holdfast.cli.show.view import View
from holdfast.cli.variables import left_out, read_files, without
from holdfast.cli.verb import given, verb
from holdfast.errors import UsageError
from holdfast.protocol import Event, Kind, Request


@verb(
    "deploy",
    "holdfast deploy --server local",
    "holdfast deploy --domain app.example.com --env-file .env.production",
    "holdfast deploy --strategy hold --json",
    "holdfast deploy --follow",
)
@plan_options
@click.option(
    "--env-file",
    "env_files",
    metavar="FILE",
    multiple=True,
    help="Set the app's variables from NAME=VALUE lines first (dotenv syntax); repeatable.",
)
@click.option(
    "--follow", "only_follow", is_flag=True, help="Watch the deploy that runs, or the last one."
)
@dry_run_option
@yes_option
@given
def command(
    invocation: Invocation,
    where: Where,
    domains: tuple[str, ...],
    env_files: tuple[str, ...],
    strategy: str | None,
    dirty: bool,
    only_follow: bool,
    yes: bool,
) -> None:
    """Put this project on the server without losing a request.

    The release is built beside the running one; requests wait while one takes the other's
    place. If anything fails, the running release goes on serving.

    The deploy runs on the server: closing this terminal does not stop it. Ctrl-C does,
    and brings everything back as it was; a second one stops watching.
    """
    if only_follow:
        if env_files or strategy or domains or dirty:
            raise UsageError("--follow takes no option of a new deploy; it only watches")
        app = find_app(invocation, where)
        with showing(invocation) as view:
            result = follow(app, Request("follow", {"app": app.name}), view)
        return tell(invocation, app, result)
    project = read_project(invocation, where, domains, ask=not yes)
    values = read_files(map(invocation.path, env_files))
    values, notes = without(values, left_out(invocation, where, values))
    with showing(invocation) as view:
        for note in (*project.notes, *notes):
            view(Event(Kind.NOTE, {"text": note}))
        result = _deploy(project, values, strategy, dirty, view)
    return tell(invocation, project.app, result)


def _deploy(
    project: Project, values: dict[str, str], strategy: str | None, dirty: bool, view: View
) -> dict[str, Any]:
    from holdfast.cli.source import send

    source = send(project, view, dirty=dirty, values=values)
    if values:
        project.app.call("env.set", values=values)
    if project.config.get("tls"):
        from holdfast.cli.certificate import send as send_certificate

        send_certificate(project, view)
    return follow(project.app, request("deploy", project, source, strategy), view)


def tell(invocation: Invocation, app: App, result: dict[str, Any]) -> None:
    """The end of a deploy or rollback that succeeded."""
    if invocation.json or invocation.dry_run:
        return invocation.answer(result)
    url = _url(app)
    paint = Paint()
    if result.get("problem"):
        invocation.note(f"warning: {result['problem']}")
    held = result.get("held_ms")
    seconds = result.get("seconds")
    parts = [f"release {result.get('release')}"]
    if seconds is not None:
        parts.append(f"took {words.seconds(seconds)}")
    if held:
        parts.append(f"requests waited at most {words.seconds(held / 1000)}")
    head = f"{app.name} is up" + (f" at {url}" if url else "")
    return invocation.answer(result, [paint(head, "green", "bold"), ", ".join(parts)])


def _url(app: App) -> str | None:
    known = app.call("look")["app"] or {}
    url = known.get("url")
    return str(url) if url else None
