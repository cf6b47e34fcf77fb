"""A way outside for servers that have none of their own: tinyproxy on this machine."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection

from tests.edge.site import free_port
from tests.machines import inherit
from tests.machines.host import HostError, install
from tests.machines.machine import Machine
from tests.machines.network import Network

_CONFIG = """\
Port {port}
Listen {address}
Timeout 600
MaxClients 50
DisableViaHeader Yes
"""


@contextmanager
def proxy(network: Network, home: Path) -> Iterator[str]:
    """Its URL, reached by IPv6 from the network's servers; installed if it is missing.

    Raises:
        HostError: it cannot be installed, or does not listen within 10 s.
    """
    if shutil.which("tinyproxy") is None:
        install(["tinyproxy-bin"])
    address, port = str(network.gateway6), free_port()
    config = home / "tinyproxy.conf"
    config.write_text(_CONFIG.format(port=port, address=address))
    with (home / "tinyproxy.log").open("wb") as log:
        running = subprocess.Popen(
            ["tinyproxy", "-d", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(running, address, port, home / "tinyproxy.log")
        yield f"http://[{address}]:{port}"
    finally:
        running.terminate()
        running.wait(10)


def _await(running: subprocess.Popen[bytes], address: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and running.poll() is None:
        with suppress(OSError), create_connection((address, port), timeout=1):
            return
        time.sleep(0.05)
    raise HostError(f"tinyproxy does not listen: {log.read_text()[-500:]}")


def use(machine: Machine, url: str) -> None:
    """Have a server that is off send what it asks the internet through the proxy."""
    root = machine.root
    (root / "etc/apt/apt.conf.d/90proxy").write_text(
        f'Acquire::http::Proxy "{url}";\nAcquire::https::Proxy "{url}";\n'
    )
    inherit.give(root, "test-proxy", {"http_proxy": url, "https_proxy": url}, sudo=True)
