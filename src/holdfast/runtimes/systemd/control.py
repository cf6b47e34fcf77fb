"""Start and end units."""

from __future__ import annotations

import time
from collections.abc import Mapping

from holdfast.account import Account
from holdfast.errors import ProcessError
from holdfast.runtimes import processes
from holdfast.runtimes.systemd import systemctl
from holdfast.runtimes.systemd.records import Record, Wanted
from holdfast.runtimes.systemd.systemctl import Properties

_RUNNING = ("active", "activating", "reloading")
_AFTER_KILL = 10.0
"""Seconds in which the kernel is expected to end what was sent KILL."""


def start(record: Record, wanted: Wanted, account: Account) -> None:
    """Make the process run as wanted; it is left alone if it does already."""
    known = systemctl.show([record.unit])[record.unit]
    running = known["ActiveState"] in _RUNNING
    if running and record.holds(wanted):
        record.enable()
        return
    if known["ActiveState"] not in systemctl.ENDED:
        stop({record: record.grace})
    changed = record.write(wanted, account)
    if changed or known["NeedDaemonReload"] == "yes" or known["LoadState"] != "loaded":
        systemctl.reload()
    record.enable()
    systemctl.call("start", record.unit, timeout=systemctl.STARTING)


def stop(graces: Mapping[Record, float]) -> None:
    """End processes and forget them, all at once, each with its own grace in seconds.

    They are forgotten first: from then on a boot does not start them again.

    Raises:
        ProcessError: one is still there long after KILL.
    """
    for record in graces:
        record.disable()
    units = {record.unit: record for record in graces}
    known = systemctl.show(list(units))
    left = {
        unit: _Ending(unit, graces[record], known[unit])
        for unit, record in units.items()
        if known[unit]["ActiveState"] not in systemctl.ENDED
    }
    failed = [unit for unit in units if known[unit]["ActiveState"] == "failed"]
    asked = [unit for unit, ending in left.items() if not ending.shells]
    if asked:
        systemctl.call("stop", "--no-block", *asked)
    while left:
        time.sleep(0.01)
        for unit, now in systemctl.show(list(left)).items():
            if now["ActiveState"] in systemctl.ENDED:
                failed += [unit] if now["ActiveState"] == "failed" else []
                del left[unit]
            else:
                left[unit].press(now)
    if failed:
        systemctl.call("reset-failed", *failed)
    for record in graces:
        record.clean()


class _Ending:
    """A unit that has been asked to end, or whose program is.

    systemd sends TERM to the main process alone (``KillMode=mixed``). A shell in front of the
    program would die of it without handing it on, and what is left of the unit be killed: so
    then what the shell waits for is asked first, and systemd when it has ended.
    """

    def __init__(self, unit: str, grace: float, known: Properties) -> None:
        self._unit = unit
        self._main = int(known["MainPID"] or 0)
        self._deadline = time.monotonic() + grace
        self.shells: set[int] = set()
        self._asked = True
        if self._main and processes.behind_a_shell(self._main):
            self.shells = processes.terminate(self._main)
            self._asked = not self.shells

    def press(self, now: Properties) -> None:
        """Go on: systemd is asked once the program has ended, KILL comes after the grace."""
        overdue = time.monotonic() - self._deadline
        if not self._asked:
            self.shells = processes.end_empty(self.shells)
            if overdue > 0 or int(now["MainPID"] or 0) != self._main or not self.shells:
                systemctl.call("stop", "--no-block", self._unit)
                self._asked = True
        if overdue > 0:
            systemctl.call("kill", "--signal=KILL", self._unit)
        if overdue > _AFTER_KILL:
            raise ProcessError(
                f"{self._unit} cannot be ended",
                hint="a process in state D (ps) waits for a disk or a network file system",
            )
