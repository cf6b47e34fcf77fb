"""The engine of an app as a transient unit (systemd-run(1)): it outlives the connection.

It is started again if it is killed. After a boot it is gone; ``holdfast-boot.service`` starts
one for each deploy that was interrupted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from holdfast.command import Command
from holdfast.errors import CommandFailed, ProcessError
from holdfast.execute import run
from holdfast.files import write_atomic
from holdfast.layout import Layout
from holdfast.runtimes import base
from holdfast.runtimes.systemd import records, systemctl, units

STOP_TIMEOUT = 600.0
"""Seconds that a deploy gets to be undone."""


def unit_name(app: str) -> str:
    return f"holdfast-engine-{app}.service"


def start(layout: Layout, app: str, argv: Sequence[str]) -> None:
    """Run the engine; while it runs, nothing happens.

    Raises:
        ProcessError: systemd does not start it.
    """
    unit = unit_name(app)
    command = transient(unit, _write(layout, app, argv))
    # Started before it is looked for: it hardly ever runs, and systemd refuses a second one.
    if run(command, check=False).returncode == 0 or _settled(unit) not in systemctl.ENDED:
        return
    try:
        run(command)
    except CommandFailed as error:
        if _state(unit) in systemctl.ENDED:
            raise ProcessError(
                f"{app}: the deploy's engine cannot be started: {error.message}",
                hint="systemctl --failed and journalctl -b show more",
                detail=error.output,
            ) from error


def stop(app: str) -> None:
    """Ask it to stop, and wait: it undoes or finishes.

    Raises:
        ProcessError: it is still there.
    """
    unit = unit_name(app)
    known = systemctl.show([unit])[unit]
    if known["ActiveState"] in systemctl.ENDED or int(known["MainPID"]) == os.getpid():
        return
    try:
        systemctl.call("stop", unit, timeout=STOP_TIMEOUT + systemctl.LOOKING)
    except ProcessError:
        # It ended by itself meanwhile: a transient unit is then gone, and cannot be stopped.
        if _state(unit) not in systemctl.ENDED:
            raise


def transient(unit: str, launcher: Path) -> Command:
    """What has systemd run the launcher as the unit."""
    properties = {
        "Type": "exec",
        "Restart": "on-failure",
        "RestartSec": "200ms",
        "StartLimitIntervalSec": "0",
        "KillMode": "mixed",
        "TimeoutStopSec": f"{STOP_TIMEOUT:g}s",
        "UMask": "0022",
        # What a deploy itself never does; it works as root, on everything an app has.
        "NoNewPrivileges": "yes",
        # Builds are of it: a container of the app's may have left a disk's node in its data.
        "DevicePolicy": "closed",
        "LockPersonality": "yes",
        "ProtectClock": "yes",
        "ProtectHostname": "yes",
        "ProtectKernelLogs": "yes",
        "ProtectKernelModules": "yes",
        "RestrictNamespaces": "yes",
        "RestrictRealtime": "yes",
        "SystemCallArchitectures": "native",
    }
    return Command(
        (
            *("systemd-run", f"--unit={unit}", f"--slice={units.ENGINE_SLICE}"),
            *("--collect", "--quiet", "--no-ask-password"),
            *(f"--property={name}={value}" for name, value in properties.items()),
            *("/bin/sh", str(launcher)),
        ),
        timeout=systemctl.STARTING,
    )


def _write(layout: Layout, app: str, argv: Sequence[str]) -> Path:
    """A script for root alone that becomes the engine.

    Its variables say how this machine reaches the network, with a password of a proxy or an
    index perhaps: a unit's ``Environment=`` can be read by everybody.
    """
    directory = records.directory(layout, app)
    records.make_directory(directory)
    script = directory / "engine.sh"
    env: Mapping[str, str] = {**base.machine_environment(), "HOLDFAST_ROOT": str(layout.root)}
    command = Command((*argv, app), timeout=0)
    write_atomic(script, f"{base.exports(env)}exec {command}\n", mode=0o600)
    return script


def _state(unit: str) -> str:
    return systemctl.show([unit])[unit]["ActiveState"]


def _settled(unit: str) -> str:
    """Its state once it is not about to end."""
    deadline = time.monotonic() + STOP_TIMEOUT
    while (state := _state(unit)) == "deactivating" and time.monotonic() < deadline:
        time.sleep(0.05)
    return state
