"""What a test can do to a server: power, network, disk."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.machines import network
from tests.machines.bed import Bed
from tests.machines.host import run
from tests.machines.machine import Machine, Unreachable


@pytest.fixture(scope="module")
def pair(bed: Bed) -> Iterator[tuple[Machine, Machine]]:
    """Two running servers of different releases, booted at the same time."""
    with bed.machine("12") as one, bed.machine("13") as other:
        for machine in (one, other):
            machine.boot()
        for machine in (one, other):
            machine.wait_for_boot()
        yield one, other


def test_reach_each_other(pair: tuple[Machine, Machine]) -> None:
    """A server reaches another one's port, and sees its address."""
    one, other = pair
    banner = (
        "import socket, sys; s = socket.create_connection((sys.argv[1], 22), 5); "
        "print(s.recv(64).decode())"
    )
    assert "SSH-2.0" in one.ssh("python3", "-c", banner, str(other.address)).stdout
    assert "SSH-2.0" in other.ssh("python3", "-c", banner, str(one.address)).stdout


def test_crash(pair: tuple[Machine, Machine]) -> None:
    """After a power cut files are as they were, processes are gone, the other server lives on."""
    one, other = pair
    before = other.ssh("cat", "/proc/sys/kernel/random/boot_id").stdout
    one.ssh("sh", "-c", "echo kept > /srv/kept; systemd-run --unit=worker sleep 600")
    one.crash()
    assert not one.running
    with pytest.raises(OSError, match=r"timed out|No route|refused|unreachable"):
        socket.create_connection((str(one.address), 22), timeout=1)
    _leave_cable(one)
    one.boot()
    assert one.wait_for_boot().state == "running"
    assert one.ssh("cat", "/srv/kept").stdout == "kept\n"
    assert one.ssh("systemctl", "is-active", "worker", check=False).stdout == "inactive\n"
    assert other.ssh("cat", "/proc/sys/kernel/random/boot_id").stdout == before


def _leave_cable(machine: Machine) -> None:
    """As the kernel does for a moment: the bridge's end is there when nothing is left behind it."""
    cable = network.port(machine.name)
    network.unplug(machine.name)
    run("ip", "link", "add", cable, "type", "veth")


def test_cut_network(pair: tuple[Machine, Machine]) -> None:
    """A cut network is silence, not a refusal; an open connection goes on once it is mended."""
    _, machine = pair
    open_connection = socket.create_connection((str(machine.address), 22), timeout=10)
    with open_connection:
        assert open_connection.recv(64).startswith(b"SSH-2.0")
        machine.cut_network()
        try:
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    socket.create_connection((str(machine.address), 22), timeout=2.5)
        finally:
            machine.restore_network()
        open_connection.sendall(b"SSH-2.0-test\r\n")
        # The server's key exchange offer, sent again by TCP if it was lost in the cut.
        assert open_connection.recv(64)
    assert machine.ssh("true").returncode == 0


def test_restart_from_within(pair: tuple[Machine, Machine]) -> None:
    """A server can be told to reboot, and comes back by itself."""
    machine, _ = pair
    before = machine.ssh("cat", "/proc/sys/kernel/random/boot_id").stdout
    with suppress(Unreachable):  # it may be off before ssh has its answer
        machine.ssh("systemctl", "reboot")
    deadline = time.monotonic() + 120
    after = before
    while after == before and time.monotonic() < deadline:
        time.sleep(0.5)
        try:
            after = machine.ssh("cat", "/proc/sys/kernel/random/boot_id").stdout
        except Unreachable:
            continue
    assert after != before
    assert machine.running


def test_full_disk(pair: tuple[Machine, Machine]) -> None:
    """A small disk in a running server fills up; it is as full after a power cut."""
    _, machine = pair
    machine.small_disk("/srv/small", 16)
    write = "with open('/srv/small/%s', 'wb') as f: f.write(bytes(%d << 20)); f.flush()"
    machine.ssh("python3", "-c", write % ("fits", 8))
    full = machine.ssh("python3", "-c", write % ("more", 16), check=False)
    assert "No space left on device" in full.stderr
    assert "OSError: [Errno 28]" in full.stderr
    machine.ssh("sync", "/srv/small/fits")
    machine.crash()
    machine.boot()
    machine.wait_for_boot()
    assert machine.ssh("stat", "-c", "%s", "/srv/small/fits").stdout == f"{8 << 20}\n"
    free = machine.ssh("df", "--output=avail", "-B1", "/srv/small").stdout.split()[1]
    assert int(free) < 8 << 20


def test_stops_in_order(fresh: Machine) -> None:
    """A server that is shut down runs what its units do at the end."""
    fresh.boot()
    fresh.wait_for_boot()
    stop = ("-p", "ExecStop=/bin/sh -c 'echo in order > /srv/end'", "-p", "Type=oneshot")
    fresh.ssh("systemd-run", *stop, "-p", "RemainAfterExit=yes", "true")
    fresh.stop()
    assert not fresh.running
    assert (fresh.root / "srv/end").read_text() == "in order\n"
