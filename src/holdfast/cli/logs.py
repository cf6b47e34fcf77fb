"""``holdfast logs``."""

from __future__ import annotations

import time
from collections import Counter, deque
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
    show = _printer(invocation)
    keep = _LINES if lines is None and since is None else lines
    if keep is not None:
        past = _Past(keep)
        app.transport.call(Request("logs", {**params, "follow": False}), past.add)
        for event in past.kept:
            show(event)
        if follow:
            app.transport.call(Request("logs", {**params, **past.since()}), past.then(show))
    else:
        app.transport.call(Request("logs", params), show)
    if invocation.json:
        invocation.answer({})


class _Past:
    """What was printed until now: the last lines, and where to go on from.

    Following begins again at the last line's millisecond, so that no line is missed, and
    those of it that were seen are left out, so that none comes twice.
    """

    def __init__(self, keep: int) -> None:
        self.kept: deque[Event] = deque(maxlen=keep)
        self._moment = 0.0
        self._seen: Counter[tuple[object, object]] = Counter()

    def add(self, event: Event) -> None:
        self.kept.append(event)
        if event.at > self._moment:
            self._moment = event.at
            self._seen.clear()
        self._seen[_key(event)] += 1

    def since(self) -> dict[str, float]:
        return {"since": self._moment - 0.001} if self._moment else {}

    def then(self, show: Emit) -> Emit:
        """``show``, for what is new alone."""

        def emit(event: Event) -> None:
            if event.at > self._moment:
                show(event)
            elif event.at == self._moment and self._seen[_key(event)] > 0:
                self._seen[_key(event)] -= 1
            elif event.at == self._moment:
                show(event)

        return emit


def _key(event: Event) -> tuple[object, object]:
    return event.data.get("source"), event.data.get("line")


def _printer(invocation: Invocation) -> Emit:
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
