"""Boot a root file system with systemd-nspawn, and end it like a power cut or in order."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from threading import Lock, Thread

from tests.machines.host import HostError
from tests.machines.network import unplug

_CGROUPS = Path("/sys/fs/cgroup")
_PATIENCE = 60.0
_REBOOT = 133  # nspawn's exit status with --keep-unit
# Puts itself into a control group, then becomes nspawn: the process we start is nspawn's.
_ENTER = 'if [ -n "$1" ]; then echo $$ >"$1/cgroup.procs"; fi; shift; exec "$@"'


class Container:
    """A server that is on, until it is switched off; it may reboot itself meanwhile."""

    def __init__(self, name: str, root: Path, bridge: str, console: Path) -> None:
        self._name = name
        self._argv = argv(name, root, bridge)
        self._console = console
        self._off = False
        self._switch = Lock()
        self._process = self._start()
        self._keeper = Thread(target=self._keep, name=name, daemon=True)
        self._keeper.start()

    def _start(self) -> subprocess.Popen[bytes]:
        unplug(self._name)
        group = _make_group(self._name)
        with self._console.open("ab") as output:
            return subprocess.Popen(
                ["/bin/sh", "-c", _ENTER, "sh", str(group or ""), *self._argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # As a server has it: control groups version 2 alone.
                env={**_plain_environment(), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )

    def _keep(self) -> None:
        """Start it again when it reboots, as the unit systemd-nspawn@.service would."""
        while self._process.wait() == _REBOOT:
            with self._switch:
                if self._off:
                    return
                end(self._name)
                self._process = self._start()

    @property
    def running(self) -> bool:
        return self._keeper.is_alive()

    def power_off(self, timeout: float) -> None:
        """Have it shut down in order; a server that takes longer is killed."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        self._keeper.join(timeout)
        self.kill()

    def kill(self) -> None:
        """End it like a power cut; return when none of its processes is left."""
        with self._switch:
            self._off = True
            self._process.kill()
            end(self._name, f"{self._name}.scope")
        self._keeper.join(10)


def argv(name: str, root: Path, bridge: str) -> list[str]:
    """The command that boots the root file system, as a server of that name at the bridge."""
    return [
        "systemd-nspawn",
        f"--directory={root}",
        f"--machine={name}",
        f"--network-bridge={bridge}",
        "--register=no",
        *([] if _systemd_rules() else ["--keep-unit"]),
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--console=read-only",
        "--capability=all",
        "--system-call-filter=@keyring bpf",
        "--boot",
    ]


def _plain_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def _hierarchy() -> Path:
    """Where control groups of version 2 are: alone, or beside those of version 1."""
    return _CGROUPS if (_CGROUPS / "cgroup.procs").exists() else _CGROUPS / "unified"


def _make_group(name: str) -> Path | None:
    """A control group for a server, below our own. Two in one would end each other's processes.

    None where systemd is process 1: it makes a scope ``NAME.scope``.
    """
    if _systemd_rules():
        return None
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::/"):
            group = _hierarchy() / line.removeprefix("0::/") / name
            group.mkdir(exist_ok=True)
            return group
    raise HostError("no control groups of version 2 here, which a server's systemd needs")


def _systemd_rules() -> bool:
    return Path("/run/systemd/system").is_dir()


def end(*names: str) -> None:
    """Kill all processes of servers, by name or ``NAME-*``, and remove their control groups.

    The group is what holds a server together: nspawn's death alone is not its servers' death. A
    process that waits for a busy disk dies when the disk has answered, so that it gets its time.

    Raises:
        HostError: a process stays; with what it does.
    """
    deadline = time.monotonic() + _PATIENCE
    groups = list(_groups(names))
    while groups:
        for group in groups:
            _kill(group)
        asked = time.monotonic()
        while groups and time.monotonic() < asked + 1:
            for group in groups:
                _remove_tree(group)
            groups = [group for group in groups if group.exists()]
            time.sleep(0.02)
        if groups and time.monotonic() > deadline:
            left = "; ".join(_doing(pid) for pid in _processes(groups[0]))
            raise HostError(f"processes stay in {groups[0]}: {left}")


def _kill(group: Path) -> None:
    try:
        (group / "cgroup.kill").write_text("1")
    except OSError:  # version 1 has no such file
        for pid in _processes(group):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _processes(group: Path) -> list[int]:
    """The processes in a group and those below it."""
    found: list[int] = []
    for path, _, _ in os.walk(group):
        with suppress(OSError):
            # 0: one that this machine cannot see by a number.
            found += filter(None, map(int, Path(path, "cgroup.procs").read_text().split()))
    return found


def _doing(pid: int) -> str:
    """What a process is, and where in the kernel it waits."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
        waits = Path(f"/proc/{pid}/wchan").read_text()
    except OSError:
        return f"{pid} has ended"
    return f"{state[0]}) {state[2].split()[0]} in {waits}"


def _groups(names: tuple[str, ...]) -> Iterator[Path]:
    """The control groups with such names, whose own groups come and go meanwhile.

    nspawn makes one in systemd's hierarchy of version 1 too, if there is one.
    """
    for parent, children, _ in os.walk(_CGROUPS):
        ours = [child for child in children if any(fnmatch(child, name) for name in names)]
        children[:] = [child for child in children if child not in ours]
        yield from (Path(parent, child) for child in ours)


def _remove_tree(group: Path) -> None:
    """Remove a group with its children; one that has processes yet stays."""
    for path, _, _ in os.walk(group, topdown=False):
        with suppress(OSError):
            Path(path).rmdir()
