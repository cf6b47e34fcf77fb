"""``holdfast logs``."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

import click

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Duration, Where, server_options
from holdfast.cli.project import find_app
from holdfast.cli.show.paint import Paint
from holdfast.cli.verb import given, verb
from holdfast.protocol import Emit, Event, Kind, Request

_LINES = 100
_COLORS = ("cyan", "yellow", "green", "magenta", "blue")


@verb(
    "logs",
    "holdfast logs -f",
    "holdfast logs web --since 10m",
    "holdfast logs worker beat -n 500",
)
@click.argument("processes", nargs=-1, metavar="[PROCESS]...")
@click.option("-f", "--follow", is_flag=True, help="Go on as more is printed, until Ctrl-C.")
@click.option("--since", type=Duration(), help="Only what was printed in the last 10m, 2h, …")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(min=0),
    help=f"The last N lines. [default: {_LINES}; all with --since]",
)
@server_options
@given
def command(
    invocation: Invocation,
    processes: tuple[str, ...],
    follow: bool,
    since: float | None,
    lines: int | None,
    where: Where,
) -> None:
    """Show what the app's processes print: all of them, or each PROCESS named."""
    app = find_app(invocation, where)
    params: dict[str, Any] = {"app": app.name, "follow": follow}
    if processes:
        params["processes"] = list(processes)
    if since is not None:
        params["since"] = time.time() - since
    if lines is not None or since is None:
        params["lines"] = _LINES if lines is None else lines
    show = _emit(invocation)
    keep = None if follow else params.get("lines")
    kept: deque[Event] = deque(maxlen=keep)
    request = Request("logs", params)
    result = app.transport.call(request, show if keep is None else kept.append)
    for event in kept:
        show(event)
    if invocation.json:
        invocation.answer(result)


def _emit(invocation: Invocation) -> Emit:
    """Prints lines; when nobody reads any more it ends the command (BrokenPipeError)."""
    if invocation.json:
        return lambda event: print(event.to_line(), flush=True)
    paint = Paint()
    colors: dict[str, str] = {}

    def show(event: Event) -> None:
        if event.kind is not Kind.LOG:
            return
        source = str(event.data.get("source"))
        color = colors.setdefault(source, _COLORS[len(colors) % len(_COLORS)])
        label = paint(f"{source:<8}", color)
        print(f"{_clock(event)} {label} {event.data.get('line')}", flush=True)

    return show


def _clock(event: Event) -> str:
    moment = event.data.get("at") or event.at
    return time.strftime("%H:%M:%S", time.localtime(moment))
