"""What units print, out of systemd's journal (journalctl(1), systemd.journal-fields(7))."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from holdfast.command import Command
from holdfast.errors import CommandFailed, ProcessError
from holdfast.execute import run
from holdfast.runtimes.contract import LogLine

_TIMEOUT = 60.0
_END_GRACE = 2.0

_FIELDS = "MESSAGE,_SYSTEMD_UNIT,_SOURCE_REALTIME_TIMESTAMP,__REALTIME_TIMESTAMP"


def arguments(units: Mapping[str, str], *, since: float | None, last: int | None) -> list[str]:
    """``journalctl``'s arguments for what the units' own processes printed.

    Matches on ``_SYSTEMD_UNIT`` alone, unlike ``--unit``, leave out what systemd says of them.
    """
    words = ["--output=json", f"--output-fields={_FIELDS}", "--all", "--quiet", "--no-pager"]
    if last is not None:
        # Not with --since: systemd 252 then shows nothing if one line more would be older.
        words.append(f"--lines={last}")
    elif since is not None:
        words.append(f"--since=@{int(since)}")
    matches = [f"_SYSTEMD_UNIT={unit}" for unit in sorted(units)]
    return [*words, *[word for match in matches for word in (match, "+")][:-1]]


def tail(unit: str, lines: int, since: float) -> str:
    """The last lines a unit printed since then (Unix time)."""
    found = read({unit: ""}, since=since, last=lines)
    return "\n".join(line.line for line in found)


def read(
    units: Mapping[str, str], *, since: float | None, last: int | None = None
) -> Iterator[LogLine]:
    """What the units printed, oldest first.

    Args:
        units: the name that each unit's process goes by.
    """
    if not units:
        return
    # journald takes lines in when it comes to it; what was printed before now is to be there.
    with suppress(CommandFailed):
        run(Command(("journalctl", "--sync"), timeout=_TIMEOUT))
    argv = ("journalctl", *arguments(units, since=since, last=last))
    try:
        said = run(Command(argv, timeout=_TIMEOUT)).output
    except CommandFailed as error:
        raise ProcessError(
            "the journal cannot be read", hint="journalctl --verify", detail=error.output
        ) from error
    yield from _lines(said.splitlines(), units, since)


def follow(units: Mapping[str, str], *, since: float | None) -> Iterator[LogLine]:
    """As :func:`read`, and then what is printed, until the iterator is closed.

    Units that come later are not followed; both slots of a web process are units already.
    """
    argv = ["journalctl", *arguments(units, since=since, last=None), "--follow", "--no-tail"]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield from _lines(process.stdout, units, since)
        finally:
            process.terminate()
            try:
                process.wait(_END_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()


def _lines(said: Any, units: Mapping[str, str], since: float | None) -> Iterator[LogLine]:
    for raw in said:
        with suppress(ValueError):
            line = parse(json.loads(raw), units)
            if since is None or line.at is None or line.at >= since:
                yield line


def parse(entry: Mapping[str, Any], units: Mapping[str, str]) -> LogLine:
    """One entry. A message that is no UTF-8 comes as a list of bytes; null if it is too long."""
    message = entry.get("MESSAGE") or ""
    if isinstance(message, list):
        message = bytes(message).decode(errors="replace")
    stamp = entry.get("_SOURCE_REALTIME_TIMESTAMP") or entry.get("__REALTIME_TIMESTAMP")
    at = int(stamp) / 1e6 if stamp else time.time()
    unit = str(entry.get("_SYSTEMD_UNIT", ""))
    return LogLine(units.get(unit, unit), str(message).rstrip("\r" + os.linesep), at)
