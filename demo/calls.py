"""When the app was called, from the edge's access log: nginx's own times, in milliseconds.

A line says when its request ended, how long it took in all, and how long since the app was
called (``ended=… total=…s app=…s``; ``app`` is nginx's ``$upstream_response_time``, one for
each attempt). So it came at ``ended - total``, and the app was called at ``ended - app``.
"""

from __future__ import annotations

import re
from pathlib import Path

from load import Call

_TIMES = re.compile(r" ended=([\d.]+) total=([\d.]+)s app=([^ ]*?)s? waited=")


def calls(root: Path, app: str) -> list[Call]:
    """The calls of an app whose edge is below ``root``; nginx writes its log every second."""
    found = []
    log = root / "edge" / "logs" / f"{app}.access.log"
    for line in log.read_text(errors="replace").splitlines():
        if times := _TIMES.search(line):
            ended, total = float(times[1]), float(times[2])
            if (took := _last(times[3])) is not None:
                found.append(Call(ended - total, ended - took))
    return found


def _last(attempts: str) -> float | None:
    """Seconds of the attempt that was answered; ``None`` if the app was never called."""
    last = re.split(r"[,:] *", attempts)[-1].strip()
    return float(last) if re.fullmatch(r"[\d.]+", last) else None
