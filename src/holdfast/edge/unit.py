"""The edge as a unit of systemd: started at boot, and again whatever ends it."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.command import Command
from holdfast.errors import CommandFailed, EdgeError
from holdfast.execute import run
from holdfast.files import write_atomic
from holdfast.layout import Layout
from holdfast.runtimes import base
from holdfast.runtimes.systemd import records, systemctl, units

NAME = "holdfast-edge.service"

_CAPABILITIES = (
    # Ports 80 and 443; workers of another user, whom the master signals; log files that it gives
    # to them and opens again.
    "CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_KILL CAP_CHOWN CAP_DAC_OVERRIDE"
)
_FILES = 65536


class EdgeUnit:
    """nginx of one ROOT under systemd."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._file = records.UNITS / NAME

    def start(self, nginx: Command) -> None:
        """Have systemd start it, now and at every boot.

        Raises:
            EdgeError: it does not start; with nginx's own words.
        """
        wanted = text(self._layout, nginx.argv, base.own_python(self._layout))
        if not self._file.exists() or self._file.read_text() != wanted:
            write_atomic(self._file, wanted)
            systemctl.reload()
        records.enable(NAME)
        try:
            run(systemctl.command("restart", NAME, timeout=systemctl.STARTING))
        except CommandFailed as error:
            raise EdgeError(
                "nginx did not start",
                hint="does another program have its port? ss -ltnp shows who",
                detail=_said() or error.output,
            ) from error

    def stop(self) -> None:
        """Have systemd stop it; a boot starts it again."""
        systemctl.call("stop", NAME, timeout=systemctl.STARTING)


def text(layout: Layout, nginx: Sequence[str], python: str) -> str:
    """The unit file.

    ``Type=forking`` with a pid file, so that systemd follows nginx to another binary
    (https://nginx.org/en/docs/control.html#upgrade). ``KillMode=process``: workers whose master
    was killed finish what they have, beside the new ones.
    """
    edge = layout.edge
    before = (python, "-P", "-m", "holdfast.agent", "edge-before-start")
    pid = edge / "run" / "nginx.pid"
    left = (edge / "control" / "control.sock", pid, pid.with_name("nginx.pid.oldbin"))
    service: list[units.Line] = [
        ("Type", "forking"),
        ("PIDFile", units.path(pid)),
        ("Environment", units.assignment("HOLDFAST_ROOT", str(layout.root))),
        # With root's full rights, outside of the sandbox.
        ("ExecStartPre", f"-+{units.command_line(before)}"),
        # Where no Python of ours runs any more nginx must start all the same after a power cut.
        ("ExecStartPre", f"-{units.command_line(('/bin/rm', '-f', *map(str, left)))}"),
        ("ExecStart", units.command_line(nginx)),
        ("Restart", "always"),
        ("RestartSec", "200ms"),
        ("TimeoutStartSec", "60s"),
        ("TimeoutStopSec", "10s"),
        ("KillMode", "process"),
        ("LimitNOFILE", str(_FILES)),
        ("OOMScoreAdjust", "-500"),
        ("CapabilityBoundingSet", _CAPABILITIES),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("SystemCallFilter", "@system-service"),
        ("SystemCallErrorNumber", "EPERM"),
        ("ProtectProc", "invisible"),
        ("UMask", "0027"),
        *units.SANDBOX,
        ("ReadWritePaths", units.path(edge)),
    ]
    about = [
        ("Description", "Holdfast edge (nginx)"),
        ("After", "network.target holdfast-boot.service"),
        ("StartLimitIntervalSec", "0"),
    ]
    return units.text(("Unit", about), ("Service", service), units.INSTALL)


def _said() -> str:
    """What nginx printed when it did not start."""
    argv = ("journalctl", "--quiet", "--no-pager", "--output=cat", "--lines=8", f"--unit={NAME}")
    try:
        return run(Command(argv, timeout=systemctl.LOOKING)).output
    except CommandFailed:
        return ""
