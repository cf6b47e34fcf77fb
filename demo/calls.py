"""When the app was called, from the edge's access log.

A line says when its request ended, how long it took in all, how long it had waited in line,
and how long since the app was called (nginx's ``$upstream_response_time``, one for each
attempt). So it came at ``ended - total``, and the app was called between ``ended - total +
waited`` and ``ended - app``. nginx looks at its clock once in a turn of its loop, and at
another, coarser one for ``app`` (a tick of 4 or 10 ms): :data:`load.account.LOG_CLOCK`.
"""

from __future__ import annotations

import re
from pathlib import Path

from load import Call

_TIMES = re.compile(r" ended=([\d.]+) total=([\d.]+)s app=([^=]*)s waited=([\d.]+|-)s ")


def calls(root: Path, app: str) -> list[Call]:
    """The calls of an app whose edge is below ``root``; nginx writes its log every second."""
    found = []
    log = root / "edge" / "logs" / f"{app}.access.log"
    for line in log.read_text(errors="replace").splitlines():
        if times := _TIMES.search(line):
            ended, arrived = float(times[1]), float(times[1]) - float(times[2])
            waited = 0.0 if times[4] == "-" else float(times[4])
            if (took := _last(times[3])) is not None:
                called = arrived + waited
                found.append(Call(arrived, called, max(called, ended - took)))
    return found


def _last(attempts: str) -> float | None:
    """Seconds of the attempt that was answered; ``None`` if the app was never called."""
    last = re.split(r"[,:] *", attempts)[-1].strip()
    return float(last) if re.fullmatch(r"[\d.]+", last) else None
