"""Our nginx as a program: start it, reload it, upgrade it, stop it."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.command import Command
from holdfast.edge.binary import INSTALL, Program, find
from holdfast.errors import CommandFailed, EdgeError
from holdfast.execute import run
from holdfast.replaced import files_of

if TYPE_CHECKING:
    from holdfast.edge.unit import EdgeUnit

_PATIENCE = 10.0
_LOG_LINES = 8


class Nginx:
    """The nginx whose configuration lies in ``edge``."""

    def __init__(self, edge: Path, unit: EdgeUnit | None = None) -> None:
        self._edge = edge
        self._unit = unit
        self._config = edge / "nginx.conf"
        self._error_log = edge / "logs" / "error.log"
        self._pid_file = edge / "run" / "nginx.pid"
        self._old_pid_file = self._pid_file.with_name("nginx.pid.oldbin")

    @cached_property
    def program(self) -> Program:
        """The binary, asked once.

        Raises:
            EdgeError: there is none, or it has no Lua.
        """
        return find()

    def pid(self) -> int | None:
        """The running master's process id."""
        pid = self._read_pid()
        return pid if pid is not None and self._is_ours(pid) else None

    def replaced(self) -> tuple[str, ...]:
        """What the running master runs from that an update has replaced: binary and libraries."""
        pid = self.pid()
        return () if pid is None else files_of(pid)

    def changing(self) -> bool:
        """Whether the master of the upgrade before still ends; nginx takes no other till then."""
        old = self._old_master()
        return old is not None and old != self.pid()

    def test(self) -> None:
        """Let nginx check its configuration.

        Raises:
            EdgeError: with nginx's own words.
        """
        try:
            run(self._command("-t", "-q"))
        except CommandFailed as error:
            raise refusal(error) or EdgeError(
                "nginx refuses its configuration",
                hint="what ran before goes on; this is a bug in Holdfast, please report it",
                detail=error.output,
            ) from error

    def start(self) -> None:
        """Start the master; it is a daemon of its own when this returns.

        Raises:
            EdgeError: it does not start; with nginx's own words.
        """
        if self._unit is not None:
            self._unit.start(self._command())
            self._wait(lambda: self.pid() is not None, "nginx did not start")
            return
        try:
            run(self._command(), daemon=True)
        except CommandFailed as error:
            raise refusal(error) or EdgeError("nginx did not start", detail=error.output) from error
        self._wait(lambda: self.pid() is not None, "nginx did not start")

    def reload(self) -> None:
        """New workers with the configuration on disk; the old ones finish what they have."""
        self._signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop at once, master and workers; also the master of an upgrade that is not done."""
        if self._unit is not None:
            self._unit.stop()
        for pid in (self.pid(), self._old_master()):
            if pid is not None:
                self._end(pid, signal.SIGTERM)

    def forget(self) -> None:
        """Begin anew: what is left of a master counts no more, before another is started.

        A pid file that outlived a power cut may name any program by now, which systemd would take
        for nginx (systemd.service(5), ``PIDFile=``: a file of root's is believed). And a master
        that still runs here is one that its supervisor has lost sight of: it has the port. Killed,
        it leaves that pid file alone, and its workers finish what they have.
        """
        for pid in (self.pid(), self._old_master()):
            if pid is not None:
                self._end(pid, signal.SIGKILL)
        for name in (self._pid_file, self._old_pid_file):
            name.unlink(missing_ok=True)

    def start_beside(self) -> int:
        """Run the binary that is installed now beside the one that runs; both serve.

        The first half of https://nginx.org/en/docs/control.html#upgrade; then one of them is
        to be retired. If the new one does not start, the old one goes on.

        Returns:
            the old master's process id.

        Raises:
            EdgeError: nginx does not run, or the new one does not start.
        """
        old = self.pid()
        if old is None:
            raise EdgeError("nginx does not run, so it cannot be upgraded")
        if self.changing():
            raise EdgeError(
                "nginx was upgraded a moment ago, and the one before still finishes",
                hint="it has ten minutes for that; then nginx can be upgraded again",
            )
        os.kill(old, signal.SIGUSR2)
        self._wait(lambda: self.pid() not in (None, old), "the new nginx did not start")
        return old

    def reopen_logs(self) -> None:
        """Have nginx open its log files again, after they were renamed."""
        self._signal(signal.SIGUSR1)

    def orphans(self) -> list[int]:
        """Workers whose master was killed: they serve on, and keep the port."""
        if self.pid() is not None:
            return []
        return [pid for pid in _workers() if self._holds_our_files(pid)]

    def retire(self, pids: Iterable[int]) -> None:
        """Have masters or workers finish what they have; they stop listening first.

        Nobody waits: what matters is the port, and nginx itself tries for 2.5 s to get that.
        """
        for pid in pids:
            if _exists(pid):
                os.kill(pid, signal.SIGQUIT)

    def complaints(self) -> str | None:
        """The end of the error log."""
        try:
            with self._error_log.open(errors="replace") as lines:
                return "".join(deque(lines, _LOG_LINES)) or None
        except OSError:
            return None

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid()
        if pid is None:
            raise EdgeError("nginx does not run", hint="any holdfast deploy starts it")
        os.kill(pid, number)

    def _command(self, *arguments: str) -> Command:
        program = self.program
        log = ("-e", str(self._error_log)) if program.takes_error_log else ()
        # Only these: what stands in the environment of a deploy is not nginx's to keep.
        keep = {name: os.environ[name] for name in ("PATH", "TZ") if name in os.environ}
        return Command(
            (program.path, "-p", str(self._edge), *log, "-c", str(self._config), *arguments),
            timeout=_PATIENCE,
            env=keep,
            clean_env=True,
            title="nginx",
        )

    def _end(self, pid: int, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        self._wait(lambda: not _exists(pid), "nginx did not stop")

    def _old_master(self) -> int | None:
        pid = _number(self._old_pid_file)
        return pid if pid is not None and self._is_ours(pid) else None

    def _read_pid(self) -> int | None:
        return _number(self._pid_file)

    def _is_ours(self, pid: int) -> bool:
        """Whether the process is a master with our configuration (not a pid used again)."""
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            # No proc(5), or the process is gone.
            return not Path("/proc/self").exists() and _exists(pid)
        except OSError:
            return False
        words = line.replace(b"\0", b" ").split(b" ")
        return b"master process" in line and os.fsencode(self._config) in words

    def _holds_our_files(self, pid: int) -> bool:
        try:
            return f"{self._edge}/run/board" in Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            return False

    def _wait(self, done: Callable[[], bool], problem: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise EdgeError(
                    problem, hint=f"its error log: {self._error_log}", detail=self.complaints()
                )
            time.sleep(0.005)


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # A zombie has ended; its parent has only not looked yet.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return not Path("/proc/self").exists()


def _workers() -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes().startswith(b"nginx: worker process"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def refusal(error: CommandFailed) -> EdgeError | None:
    """Nginx's words about what a person can mend, in ours."""
    output = error.output
    if used := re.search(r"bind\(\) to (\S+) failed \(98", output):
        return EdgeError(
            f"the edge's address {used[1]} is in use by another program",
            hint="stop that program, or choose another port: HOLDFAST_PORT=8090"
            " (before the first start; later it stands in ROOT/edge/settings.json)",
        )
    if denied := re.search(r"bind\(\) to (\S+) failed \(13", output):
        beside = ", where HTTPS is served beside port 80" if denied[1].endswith(":443") else ""
        return EdgeError(
            f"this user may not listen on {denied[1]}{beside}",
            hint="choose a port of 1024 or higher: HOLDFAST_PORT=8080"
            " (before the first start; later it stands in ROOT/edge/settings.json)",
        )
    if strange := re.search(r"bind\(\) to (\S+) failed \(99", output):
        return EdgeError(
            f"this machine has no address {strange[1]}",
            hint="HOLDFAST_BIND is one of its own addresses, or 0.0.0.0 for all",
        )
    if missing := re.search(r"module '?(cjson|resty|ngx)[.\w]*'? not found", output):
        return EdgeError(
            f"nginx's Lua library {missing[1]} is missing",
            hint=f"install it: {INSTALL}",
            detail=output,
        )
    return None
