"""What is said where a server's Docker will not do, and what would."""

from __future__ import annotations

import pytest

from holdfast.runtimes.compose import docker


@pytest.mark.parametrize(
    ("version", "old"),
    [("2.23.3", True), ("1.29.2", True), ("2.24.0\n", False), ("v2.26.1-4", False), ("5.0", False)],
)
def test_a_compose_that_is_too_old(version: str, old: bool) -> None:
    """Before anything is built: it would not read the override that comes last."""
    said = docker.too_old(version)
    assert (said is not None) is old
    assert said is None or f"Compose is {version.strip()}, and Holdfast needs 2.24" in str(said)


@pytest.mark.parametrize(
    ("system", "way"),
    [
        ({"ID": "debian", "VERSION_ID": "12"}, "Debian 12 has none itself; Docker's own packages"),
        ({"ID": "debian", "VERSION_ID": "13"}, "holdfast server setup --docker installs it"),
        ({"ID": "ubuntu", "VERSION_ID": "24.04"}, "engine/install/ubuntu"),
        ({"ID": "arch"}, "(docs.docker.com/engine/install/)"),
        ({}, "Docker's own packages"),
    ],
)
def test_how_a_server_gets_it(system: dict[str, str], way: str) -> None:
    assert way in docker.install(system)
