"""Nothing of a test run stays on this machine: not after it ended, not after it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machines import host, network
from tests.machines.bed import Bed, remove_leftovers
from tests.machines.machine import Machine

# A test run in small: it boots a server with a small disk, says its name, and waits to be killed.
_RUN = """
import sys
from tests.machines.bed import Bed
bed = Bed()
machine = bed.machine("13")
machine.boot()
machine.wait_for_boot()
machine.small_disk("/srv/small", 8)
print(bed.network.name, flush=True)
sys.stdin.read()
"""


def traces(name: str) -> list[str]:
    """Everything on this machine that is named after a bed."""
    found = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if name in line]
    found += [line for line in host.run("ip", "-o", "link").splitlines() if name in line]
    found += [line for line in host.run("ip", "-4", "route").splitlines() if name in line]
    found += [line for line in host.run("nft", "list", "tables").splitlines() if name in line]
    found += [
        line for line in host.run("losetup", "-l", "-O", "BACK-FILE").splitlines() if name in line
    ]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{name}*")]
    found += [str(path) for path in (host.STATE / "beds").glob(f"{name}*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if name in command and "systemd-nspawn" in command:
            found.append(command)
    return found


@pytest.mark.usefixtures("_host")
def test_nothing_stays() -> None:
    """A bed that is closed, with a server that runs, is gone without a trace."""
    with Bed() as bed:
        machine = bed.machine("12")
        machine.small_disk("/srv/small", 8)
        machine.boot()
        machine.wait_for_boot()
        # Mounts, a bridge, its route, a table, a disk file, groups, a directory and a process.
        assert len(traces(bed.network.name)) >= 8
    assert traces(bed.network.name) == []


@pytest.mark.usefixtures("_host")
def test_a_bed_that_cannot_be_made_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its bridge is up when nft refuses a rule: all of it is taken back at once."""
    names = []

    def refused(net: network.Network) -> list[str]:
        names.append(net.name)
        assert traces(net.name), "nothing to take back: this test proves nothing"
        return ["add rule no such table"]

    monkeypatch.setattr(network, "_rules", refused)
    with pytest.raises(host.HostError, match="nft"):
        Bed()
    assert traces(names[0]) == []


def test_a_removed_server_leaves_the_others(bed: Bed, fresh: Machine) -> None:
    """A server's end is nobody else's."""
    fresh.boot()
    with bed.machine("13") as other:
        other.boot()
        other.wait_for_boot()
    assert not other.running
    assert traces(other.name) == []
    assert fresh.wait_for_boot().state == "running"


def test_killed_run(bed: Bed, fresh: Machine) -> None:
    """The next run removes what a killed one left, and touches nothing of one that lives."""
    fresh.boot()
    argv = [sys.executable, "-c", _RUN]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=host.CHECKOUT
    ) as process:
        assert process.stdout is not None
        name = process.stdout.readline().decode().strip()
        assert name
        remove_leftovers()
        assert traces(name), "its owner lives"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    assert traces(name), "nothing was left: this test proves nothing"
    remove_leftovers()
    assert traces(name) == []
    assert traces(bed.network.name)
    assert fresh.wait_for_boot().state == "running"
