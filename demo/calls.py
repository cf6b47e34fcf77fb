"""When the app was called, from the edge's access log: nginx's own times, in milliseconds.

A line says when its request ended, how long it took in all, how long since the app was
called (nginx's ``$upstream_response_time``, one for each attempt), and how long it had waited
in line before (``ended=… total=…s app=…s waited=…s``). So it came at ``ended - total``. The
app was called at ``ended - app``, or earlier: nginx writes the line of a connection that it
closes only when the client has closed it too (``lingering_close``). And it was not called
before ``ended - total + waited``.
"""

from __future__ import annotations

import re
from pathlib import Path

from load import Call

_TIMES = re.compile(r" ended=([\d.]+) total=([\d.]+)s app=([^ ]*?)s? waited=([^ ]*?)s? ")


def calls(root: Path, app: str) -> list[Call]:
    """The calls of an app whose edge is below ``root``; nginx writes its log every second."""
    found = []
    log = root / "edge" / "logs" / f"{app}.access.log"
    for line in log.read_text(errors="replace").splitlines():
        if times := _TIMES.search(line):
            ended, arrived = float(times[1]), float(times[1]) - float(times[2])
            waited = 0.0 if times[4] == "-" else float(times[4])
            if (took := _last(times[3])) is not None:
                found.append(Call(arrived, arrived + waited, ended - took))
    return found


def _last(attempts: str) -> float | None:
    """Seconds of the attempt that was answered; ``None`` if the app was never called."""
    last = re.split(r"[,:] *", attempts)[-1].strip()
    return float(last) if re.fullmatch(r"[\d.]+", last) else None
