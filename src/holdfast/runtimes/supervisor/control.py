"""Start and end programs under a supervisord that runs."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from holdfast.errors import ProcessError
from holdfast.runtimes import processes
from holdfast.runtimes.supervisor import client as rpc
from holdfast.runtimes.supervisor.programs import Program, Wanted

_STARTING, _RUNNING, _BACKOFF, _STOPPING = 10, 20, 30, 40
_LOOK = 0.05
"""Seconds between two looks at what is to end, where nobody tells us that it has."""
_SOON = 0.002
_AFTER_KILL = 10.0
"""Seconds in which the kernel is expected to end what was sent KILL."""


class Control:
    """Programs by supervisord's XML-RPC. Only the groups named are touched, ever."""

    def __init__(self, socket: Path) -> None:
        self._client = rpc.Client(socket)

    def all(self) -> list[Mapping[str, Any]]:
        """Every process; none if supervisord does not run."""
        if not self._client.answers():
            return []
        found: list[Mapping[str, Any]] = self._client.call("getAllProcessInfo")
        return found

    def pid(self, program: Program) -> int | None:
        """The pid of the program if it runs under supervisord."""
        if not self._client.answers():
            return None
        info = self._info(program)
        return info["pid"] or None if info else None

    def running(self, program: Program) -> bool:
        return self._state(program) in (_STARTING, _RUNNING, _BACKOFF)

    def ending(self, program: Program) -> bool:
        return self._state(program) == _STOPPING

    def start(self, program: Program, wanted: Wanted) -> None:
        """Make the program run as wanted; it is left alone if it does already."""
        info = self._info(program)
        if info is not None and program.holds(wanted):
            self._client.call("startProcess", program.group, False, fine=(rpc.ALREADY_STARTED,))
            return
        if info is not None:
            self.stop({program: program.grace})
        program.write(wanted)
        self._client.call("reloadConfig")
        self._client.call("addProcessGroup", program.group, fine=(rpc.ALREADY_ADDED,))
        self._client.call("startProcess", program.group, False, fine=(rpc.ALREADY_STARTED,))

    def stop(self, graces: Mapping[Program, float]) -> None:
        """End programs and forget them, all at once, each with its own grace in seconds.

        They are forgotten first: from then on nothing starts them again, whoever dies.
        """
        for program in graces:
            program.forget()
        if self._client.answers():
            self.end(graces)
            for program in graces:
                self._client.call("removeProcessGroup", program.group, fine=(rpc.BAD_NAME,))
        else:
            left = [pid for item in graces if (pid := processes.recorded(item.pid)) is not None]
            processes.end_groups(left, max(graces.values(), default=0.0))
        for program in graces:
            program.clean()

    def end(self, graces: Mapping[Program, float]) -> None:
        """TERM to each program, KILL to its process group after its grace; wait for the end.

        Raises:
            ProcessError: one is still there long after KILL.
        """
        started = time.monotonic()
        groups = {program: self.pid(program) for program in graces}
        for program in graces:
            fine = (rpc.BAD_NAME, rpc.NOT_RUNNING)
            self._client.call("stopProcess", program.group, False, fine=fine)
        left = dict(graces)
        while left := {item: left[item] for item in left if self._lives(item, groups[item])}:
            over = time.monotonic() - started
            for program, grace in left.items():
                _press(program, groups[program], over - grace)
            pids = [pid for item in left if (pid := groups[item]) is not None]
            processes.wait_for_one(pids, _LOOK)
            time.sleep(_SOON)  # for supervisord, which has to collect it

    def _lives(self, program: Program, group: int | None) -> bool:
        """Whether the program, or anything of its process group, has not ended yet."""
        return self._state(program) in (_STARTING, _RUNNING, _STOPPING) or (
            group is not None and processes.alive(group)
        )

    def _state(self, program: Program) -> int | None:
        if not self._client.answers():
            return None
        info = self._info(program)
        return None if info is None else int(info["state"])

    def _info(self, program: Program) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self._client.call(
            "getProcessInfo", program.group, fine=(rpc.BAD_NAME,)
        )
        return found


def _press(program: Program, group: int | None, overdue: float) -> None:
    """KILL once the grace is over."""
    if overdue <= 0 or group is None:
        return
    processes.signal_group(group, signal.SIGKILL)
    if overdue > _AFTER_KILL:
        raise ProcessError(
            f"{program.name} of {program.app} (pid {group}) cannot be ended",
            hint="a process in state D (ps) waits for a disk or a network file system",
        )
