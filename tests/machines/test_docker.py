"""Docker on a set-up server: what it publishes stays shut, and Compose projects go live there."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.compose.projects import Shop
from tests.machines import docker
from tests.machines.base_images import PYTHON, archive
from tests.machines.bed import Bed
from tests.machines.image import DOCKER_KEEPS
from tests.machines.machine import CommandFailed
from tests.machines.setting_up import Owner, keep_packages, lend_packages


@pytest.fixture(scope="module")
def owner(bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    """A bare server, set up with ``--docker``; nothing to do the second time."""
    with bed.machine("13", plain=(DOCKER_KEEPS,)) as machine:
        lend_packages(machine)
        machine.boot()
        machine.wait_for_boot()
        owner = Owner(machine, tmp_path_factory.mktemp("owner"))
        try:
            ended = owner.setup("--docker", "--yes")
        finally:
            keep_packages(machine)
        assert ended.code == 0, ended.text
        assert owner.setup().last["result"]["changed"] == []
        yield owner


def test_a_bare_server_runs_compose_projects(owner: Owner, tmp_path: Path) -> None:
    """Live, and a release under load while Docker is restarted: containers outlive its daemon,
    and nobody fails; the port that the project publishes is shut from outside."""
    machine = owner.machine
    shutil.copy(archive(PYTHON), machine.root / "var/tmp/python.tar")
    owner.sudo("docker", "import", "/var/tmp/python.tar", PYTHON.name, timeout=300)
    shop = Shop(machine, tmp_path / "shop", "shop", login="holdfast")
    text = "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"
    shop.write({"compose.yaml": text})
    shop.deploy()
    with shop.load() as seen:
        shop.version(2)
        shop.deploy()
        owner.sudo("systemctl", "restart", "docker", timeout=120)
        shop.version(3)
        shop.deploy()
    assert set(seen) == {"version 1", "version 2", "version 3"}, seen
    with pytest.raises(OSError, match="timed out"):
        socket.create_connection((str(machine.address), 8000), timeout=3)


def test_a_published_port_is_shut(owner: Owner) -> None:
    """A port that Docker publishes answers on the server itself and not from outside: at once,
    after Docker was restarted, and after a reboot, for which nobody does anything."""
    docker.publish(lambda text: owner.sudo("sh", "-c", text, timeout=600))
    shut_from_outside(owner)
    owner.sudo("systemctl", "restart", "docker")
    shut_from_outside(owner)
    owner.machine.stop()
    owner.machine.boot()
    shut_from_outside(owner)
    # So it is the firewall that does it.
    owner.sudo("systemctl", "stop", "holdfast-firewall")
    owner.sudo("nft", "delete", "table", "inet", "holdfast")
    wait_for(lambda: reachable(owner))


def shut_from_outside(owner: Owner) -> None:
    """The container answers the server itself; from here only SSH can be reached."""
    wait_for(lambda: published(owner))
    assert not reachable(owner)


def published(owner: Owner) -> bool:
    try:
        return "published" in owner.sudo("sh", "-c", docker.ANSWERS)
    except CommandFailed:  # it is not up yet, or the server is not
        return False


def reachable(owner: Owner) -> bool:
    try:
        with socket.create_connection((str(owner.machine.address), docker.PORT), timeout=3):
            return True
    except OSError:
        return False


def wait_for(what: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
