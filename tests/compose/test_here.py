"""Images built where the command runs, with the Docker of another machine, and sent."""

from __future__ import annotations

import shlex
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compose.projects import SMALL, Shop
from tests.machines.base_images import PYTHON, load
from tests.machines.bed import Bed
from tests.machines.host import CHECKOUT
from tests.machines.machine import Machine

_HOME = "/root/project"
_COMPOSE = "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"
_INSTALL = """\
set -e
mkdir -p /root/holdfast && tar -C /root/holdfast -xf /root/holdfast.tar
python3 -m venv /root/venv
/root/venv/bin/pip install -q /root/holdfast
"""


class Laptop:
    """A machine with Docker and our package, whose user may log in to the server."""

    def __init__(self, machine: Machine, server: Machine) -> None:
        self.machine = machine
        self._server = server
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            with tarfile.open(file.name, "w") as tar:
                for name in ("src", "pyproject.toml", "README.md", "LICENSE"):
                    tar.add(CHECKOUT / name, name, filter=_source)
            machine.put(Path(file.name), "/root/holdfast.tar")
        machine.ssh("sh", "-c", _INSTALL, timeout=400)
        machine.put(server.key, "/root/key")
        machine.put(server.known_hosts, "/root/known")
        config = server.ssh_config.read_text()
        config = config.replace(str(server.key), "/root/key")
        self.write("/root/ssh", config.replace(str(server.known_hosts), "/root/known"))

    def write(self, path: str, text: str) -> None:
        script = 'mkdir -p "$(dirname "$0")" && cat >"$0"'
        self.machine.ssh("sh", "-c", script, path, input=text)

    def deploy(self, shop: Shop, *more: str) -> list[dict[str, Any]]:
        words = ("deploy", "--server", f"root@{self._server.name}", "--name", shop.name)
        argv = shlex.join([*words, "--domain", shop.host, "--json", *more])
        script = f"cd {_HOME} && HOLDFAST_SSH_CONFIG=/root/ssh exec /root/venv/bin/holdfast {argv}"
        return shop.events(self.machine.ssh("sh", "-c", script, timeout=300).stdout)


@pytest.fixture
def laptop(bed: Bed, server: Machine) -> Iterator[Laptop]:
    with bed.machine("13", docker=True) as machine:
        machine.boot()
        machine.wait_for_boot()
        load(machine, PYTHON)
        yield Laptop(machine, server)


def test_images_come_from_the_laptop(laptop: Laptop, shop: Shop) -> None:
    """The server builds nothing; of the second release only the layers that are new are sent."""
    said = '[compose]\nbuild = "here"\n'
    for name, text in {**SMALL, "compose.yaml": _COMPOSE, "holdfast.toml": said}.items():
        laptop.write(f"{_HOME}/{name}", text)
    first = laptop.deploy(shop)
    assert shop.ask()["version"] == 1
    text = SMALL["app.py"].replace("VERSION = 1", "VERSION = 2")
    laptop.write(f"{_HOME}/app.py", text)
    second = laptop.deploy(shop)
    assert shop.ask()["version"] == 2
    built = [
        item["line"]
        for item in (*first, *second)
        if item.get("event") == "log" and item.get("source") == "build"
    ]
    assert any("COPY . ." in line for line in built), built
    there = shop.server.ssh("docker", "builder", "du").stdout
    assert "COPY . ." not in there, there
    sizes = [_sent(events) for events in (first, second)]
    assert sizes[0] > 10_000_000, sizes
    assert sizes[1] < 200_000, sizes
    shop.holdfast("rollback", "--yes")
    assert shop.ask()["version"] == 1


def _sent(events: list[dict[str, Any]]) -> float:
    """Bytes that went over the line."""
    done = next(
        item for item in events if item.get("event") == "step.done" and item["step"] == "upload"
    )
    number, unit = str(done["note"]).partition(" of ")[0].split()
    return float(number) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


def _source(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in info.name else info
