"""supervisord with what a web app in production needs besides: ``python -m … -c CONFIG``.

- Each line a process prints gets the time before it, so that ``logs --since`` is exact,
  without a process more for each app.
- A program that crashes is started again for as long as it takes: at once if it had run
  for ``startsecs``, else after 1, 2, 3, … and at most :data:`LONGEST_DELAY` seconds.
  (supervisord's own delay grows without end and its retries end in FATAL.)
- TERM reaches the program behind a shell (``a; b``), and what a crashed program leaves of
  its process group is ended, so that it doesn't hold on to the port.

Only documented seams are used: classes that supervisor itself derives from.
"""

from __future__ import annotations

import os
import resource
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from supervisor import events  # type: ignore[import-untyped]
from supervisor.dispatchers import POutputDispatcher  # type: ignore[import-untyped]
from supervisor.medusa import asyncore_25 as asyncore  # type: ignore[import-untyped]
from supervisor.options import ProcessConfig, ServerOptions  # type: ignore[import-untyped]
from supervisor.process import Subprocess  # type: ignore[import-untyped]
from supervisor.states import ProcessStates, SupervisorStates  # type: ignore[import-untyped]
from supervisor.supervisord import Supervisor  # type: ignore[import-untyped]

from holdfast.runtimes import processes

LONGEST_DELAY = 15.0
"""Seconds between two starts of a program that keeps failing."""

BETWEEN_STARTS = 1.0
"""Seconds at least between two starts of the same program, however it ended."""

LEFTOVER_GRACE = 10.0
"""Seconds that the rest of a crashed program's process group gets to end by itself."""

LONGEST_LINE = 64 * 1024


class TimedOutput(POutputDispatcher):  # type: ignore[misc]
    """Writes whole lines, each after its time (UTC, milliseconds, RFC 3339)."""

    _partial = b""

    def _log(self, data: bytes) -> None:
        if not data:
            if self._partial:
                self._write([self._partial])
                self._partial = b""
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > LONGEST_LINE:
            lines.append(self._partial)
            self._partial = b""
        if lines:
            self._write(lines)

    def _write(self, lines: list[bytes]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z ").encode()
        try:
            self.childlog.info(b"".join(now + line.rstrip(b"\r") + b"\n" for line in lines))
        except (OSError, ValueError):
            # Disk full in the middle of a rotation. The line is lost; giving up the pipe
            # as well would block the program at its next print.
            with suppress(OSError, ValueError):
                self.reopenlogs()


class Program(Subprocess):  # type: ignore[misc]
    """One process of an app."""

    delay: float

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._leftovers: dict[int, float] = {}
        self._frozen: set[int] = set()

    def change_state(self, new_state: int, expected: bool = True) -> Any:
        result = super().change_state(new_state, expected)
        if new_state == ProcessStates.BACKOFF:
            self.delay = min(self.delay, time.time() + LONGEST_DELAY)
        return result

    def transition(self) -> None:
        self._end_leftovers()
        self._frozen = processes.end_empty(self._frozen)
        # A last start that is yet to come is one of a clock that was set back since.
        if (
            self.state == ProcessStates.EXITED
            and 0 <= time.time() - self.laststart < BETWEEN_STARTS
        ):
            return
        super().transition()

    def finish(self, pid: int, sts: int) -> None:
        stopped = self.killing
        self._frozen.clear()
        super().finish(pid, sts)
        if self.state == ProcessStates.BACKOFF:
            self.exitstatus = os.waitstatus_to_exitcode(sts)
        if not stopped and processes.alive(pid):
            processes.signal_group(pid, signal.SIGTERM)
            self._leftovers[pid] = time.monotonic() + LEFTOVER_GRACE
        self.transition()

    def kill(self, sig: int) -> Any:
        if not self.pid or sig != signal.SIGTERM or self.state == ProcessStates.BACKOFF:
            return super().kill(sig)
        self._frozen = processes.terminate(self.pid)
        return super().kill(0)  # everything but the signal, which is sent

    def _end_leftovers(self) -> None:
        for group, deadline in list(self._leftovers.items()):
            if not processes.alive(group):
                del self._leftovers[group]
            elif time.monotonic() > deadline:
                processes.signal_group(group, signal.SIGKILL)


class ProgramConfig(ProcessConfig):  # type: ignore[misc]
    """Makes :class:`Program` with :class:`TimedOutput` of one ``[program:…]``."""

    def make_process(self, group: Any = None) -> Program:
        process = Program(self)
        process.group = group
        return process

    def make_dispatchers(self, proc: Any) -> tuple[dict[int, Any], dict[str, int]]:
        dispatchers, pipes = super().make_dispatchers(proc)
        fd = pipes["stdout"]
        dispatchers[fd] = TimedOutput(proc, events.ProcessCommunicationStdoutEvent, fd)
        return dispatchers, pipes


class Options(ServerOptions):  # type: ignore[misc]
    """supervisord's options, whose programs are :class:`ProgramConfig`."""

    def processes_from_section(
        self, parser: Any, section: str, group_name: str, klass: Any = None
    ) -> Any:
        chosen = ProgramConfig if klass in (None, ProcessConfig) else klass
        return super().processes_from_section(parser, section, group_name, chosen)


def main() -> None:
    """Run until told to end; as supervisor's own ``main`` does, with our options."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    first = True
    while True:
        options = Options()
        options.realize(doc=__doc__)
        options.first = first
        options.test = False
        with suppress(asyncore.ExitNow):
            Supervisor(options).main()
        options.close_httpservers()
        options.close_logger()
        first = False
        if options.mood < SupervisorStates.RESTARTING:
            return


if __name__ == "__main__":
    main()
