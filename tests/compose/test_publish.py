"""Ports that a project publishes, as another server reaches them."""

from __future__ import annotations

from tests.compose.projects import Shop
from tests.machines.bed import Bed
from tests.machines.machine import Machine

_COMPOSE = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
  worker:
    build: .
    command: python -m http.server 7000
    ports: ["7001:7000"]
    stop_grace_period: 1s
  cache:
    image: python:3.13-slim-trixie
    command: python -m http.server 6379
    ports: ["7002:6379"]
    stop_grace_period: 1s
"""
_PORTS = (8000, 7001, 7002)
_CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


def test_a_port_is_open_to_others_only_where_that_is_asked_for(shop: Shop, bed: Bed) -> None:
    """All are closed; of the services that ``publish`` names they are open; and closed again."""
    shop.write({"compose.yaml": _COMPOSE})
    with bed.machine("13") as other:
        other.boot()
        other.wait_for_boot()
        shop.deploy()
        assert _open(shop, other) == []
        own = shop.server.ssh(
            "python3", "-c", _CONNECT, _address(shop, "cache"), "6379", check=False
        )
        assert own.returncode == 0
        shop.write({"holdfast.toml": '[compose]\npublish = ["cache"]\n'})
        shop.deploy()
        assert _open(shop, other) == [7002]
        shop.write({"holdfast.toml": '[compose]\npublish = ["cache", "worker"]\n'})
        shop.deploy()
        assert _open(shop, other) == [7001, 7002]
        shop.write({"holdfast.toml": ""})
        shop.deploy()
        assert _open(shop, other) == []
        assert shop.ask()["version"] == 1


def _open(shop: Shop, other: Machine) -> list[int]:
    """The ports of the server that another one can connect to."""
    found = []
    for port in _PORTS:
        words = ("python3", "-c", _CONNECT, str(shop.server.address), str(port))
        if other.ssh(*words, check=False).returncode == 0:
            found.append(port)
    return sorted(found)


def _address(shop: Shop, service: str) -> str:
    script = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return shop.docker("inspect", f"--format={script}", f"hf-{shop.name}-{service}-1")
