"""Our nginx as a program: find it, start it, reload it, upgrade it, stop it."""

from __future__ import annotations

import os
import pwd
import re
import resource
import shutil
import signal
import socket
import time
from functools import cache
from pathlib import Path

from holdfast.command import Command
from holdfast.edge.render import Program
from holdfast.errors import CommandFailed, EdgeError
from holdfast.execute import run

_WANTED_FILES = 65536
_PATIENCE = 10.0
INSTALL = "apt-get install nginx-light libnginx-mod-http-lua lua-cjson"


@cache
def find() -> Program:
    """The nginx of this machine, with what it can do.

    Raises:
        EdgeError: there is none, or it has no Lua.
    """
    path = shutil.which("openresty") or shutil.which("nginx") or _in_sbin()
    if path is None:
        raise EdgeError("nginx is not installed", hint=f"install it: {INSTALL}")
    built = run(Command((path, "-V"), timeout=10)).output
    return Program(
        path=path,
        modules=() if "lua-nginx-module" in built or "ngx_lua" in built else _modules(built),
        gzip_static="--with-http_gzip_static_module" in built,
        user=_worker_user() if os.geteuid() == 0 else None,
        files=_files(),
        ipv6=_has_ipv6(),
    )


def _in_sbin() -> str | None:
    """Debian's path of an ordinary user has no ``/usr/sbin``."""
    for path in ("/usr/sbin/nginx", "/usr/local/openresty/nginx/sbin/nginx", "/usr/local/sbin/nginx"):
        if os.access(path, os.X_OK):
            return path
    return None


def _modules(built: str) -> tuple[str, ...]:
    found = re.search(r"--modules-path=(\S+)", built)
    directory = Path(found[1] if found else "/usr/lib/nginx/modules")
    paths = tuple(directory / name for name in ("ndk_http_module.so", "ngx_http_lua_module.so"))
    if not all(path.exists() for path in paths):
        raise EdgeError("nginx has no Lua module", hint=f"install it: {INSTALL}")
    return tuple(str(path) for path in paths)


def _worker_user() -> str:
    """Debian's user for web servers, or the one that owns nothing."""
    for name in ("www-data", "nginx", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    return "nobody"


def _files() -> int:
    """Open files for a worker: what is wanted, or what this machine lets us have.

    Also root may not raise the hard limit in many containers (capabilities(7):
    CAP_SYS_RESOURCE); nginx would log an alert and go on with what it has.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= _WANTED_FILES:
        return _WANTED_FILES
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, _WANTED_FILES))
    except (ValueError, OSError):
        return hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return _WANTED_FILES


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


class Nginx:
    """The nginx whose configuration lies in ``edge``."""

    def __init__(self, edge: Path) -> None:
        self._edge = edge
        self._pid_file = edge / "run" / "nginx.pid"

    def pid(self) -> int | None:
        """The running master's process id."""
        pid = self._read_pid()
        return pid if pid is not None and self._is_ours(pid) else None

    def test(self) -> None:
        """Let nginx check its configuration.

        Raises:
            EdgeError: with nginx's own words.
        """
        try:
            run(self._command("-t", "-q"))
        except CommandFailed as error:
            raise EdgeError(
                "nginx refuses its configuration", hint="this is a bug in Holdfast", detail=error.output
            ) from error

    def start(self) -> None:
        """Start the master; it is a daemon of its own when this returns.

        Raises:
            EdgeError: it does not start; with nginx's own words.
        """
        self.end_orphans()
        (self._edge / "control" / "control.sock").unlink(missing_ok=True)
        try:
            run(self._command())
        except CommandFailed as error:
            raise _start_error(error) from error
        self._wait(lambda: self.pid() is not None, "nginx did not start")

    def reload(self) -> None:
        """New workers with the configuration on disk; the old ones finish what they have."""
        self._signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop at once, master and workers."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        self._wait(lambda: not _exists(pid), "nginx did not stop")

    def upgrade(self) -> None:
        """Run the binary that is installed now: new master, old one asked to finish.

        See https://nginx.org/en/docs/control.html#upgrade.
        """
        old = self.pid()
        if old is None:
            raise EdgeError("nginx does not run, so it cannot be upgraded")
        os.kill(old, signal.SIGUSR2)
        self._wait(lambda: self.pid() not in (None, old), "the new nginx did not start")
        os.kill(old, signal.SIGQUIT)

    def reopen_logs(self) -> None:
        """Have nginx open its log files again, after they were renamed."""
        self._signal(signal.SIGUSR1)

    def end_orphans(self) -> None:
        """End workers whose master was killed: they keep the port and hear nobody."""
        if self.pid() is not None:
            return
        pids = [pid for pid in _orphaned_workers() if self._holds_our_files(pid)]
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
        self._wait(lambda: not any(_exists(pid) for pid in pids), "orphaned nginx workers stay")

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid()
        if pid is None:
            raise EdgeError("nginx does not run", hint="any holdfast deploy starts it")
        os.kill(pid, number)

    def _command(self, *arguments: str) -> Command:
        config = self._edge / "nginx.conf"
        error_log = self._edge / "logs" / "error.log"
        return Command(
            (
                find().path,
                "-p",
                str(self._edge),
                "-e",
                str(error_log),
                "-c",
                str(config),
                *arguments,
            ),
            timeout=_PATIENCE,
            title="nginx",
        )

    def _read_pid(self) -> int | None:
        try:
            return int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        """Whether the process is a master with our configuration (not a pid used again)."""
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except FileNotFoundError:
            # No proc(5), or the process is gone.
            return not Path("/proc/self").exists() and _exists(pid)
        except OSError:
            return False
        return b"master process" in line and os.fsencode(self._edge) in line

    def _holds_our_files(self, pid: int) -> bool:
        try:
            return str(self._edge / "run" / "board") in Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            return False

    @staticmethod
    def _wait(done: object, problem: str) -> None:
        assert callable(done)
        deadline = time.monotonic() + _PATIENCE
        while not done():
            if time.monotonic() > deadline:
                raise EdgeError(problem, hint="its error log: ROOT/edge/logs/error.log")
            time.sleep(0.005)


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


def _orphaned_workers() -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes().startswith(b"nginx: worker process"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def _start_error(error: CommandFailed) -> EdgeError:
    used = re.search(r"bind\(\) to (\S+) failed \(98", error.output)
    if used:
        return EdgeError(
            f"the edge's address {used[1]} is in use by another program",
            hint="stop that program, or choose another port: HOLDFAST_PORT=8090"
            " (before the first start; later it stands in ROOT/edge/settings.json)",
        )
    denied = re.search(r"bind\(\) to (\S+) failed \(13", error.output)
    if denied:
        return EdgeError(
            f"an ordinary user may not listen on {denied[1]}",
            hint="choose a port of 1024 or higher: HOLDFAST_PORT=8080",
        )
    if "cjson" in error.output or "resty.core" in error.output:
        return EdgeError(
            "nginx's Lua libraries are missing", hint=f"install them: {INSTALL}", detail=error.output
        )
    return EdgeError("nginx did not start", detail=error.output)
