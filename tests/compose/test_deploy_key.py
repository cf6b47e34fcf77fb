"""A deploy key on a server with Docker: it deploys its app, and gets no further by that."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compose.projects import Shop

ORDINARY = """\
services:
  web:
    build: .
    ports: ["8000:8000"]
    env_file: .env
    volumes:
      - ./uploads:/app/uploads
      - cache:/cache
volumes:
  cache:
"""
WEB = "services:\n  web:\n    build: .\n    ports: ['8000:8000']\n"


@pytest.fixture
def by_key(shop: Shop, tmp_path: Path) -> Shop:
    """The project of whoever has a deploy key for it and nothing else."""
    key = tmp_path / "ci"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ci", "-f", str(key)]
    subprocess.run(argv, check=True, timeout=30)
    _add(shop, tmp_path)
    config = tmp_path / "ssh_config"
    text = shop.server.ssh_config.read_text()
    config.write_text(text.replace(str(shop.server.key), str(key)))
    made = Shop(shop.server, shop.directory, shop.name)
    made.ssh_config = config
    return made


def _add(shop: Shop, place: Path, *more: str) -> None:
    words = ("server", "deploy-key", "add", str(place / "ci.pub"), "--app", shop.name, *more)
    where = ("--server", f"root@{shop.server.name}")
    done = subprocess.run(
        [sys.executable, "-m", "holdfast", *words, *where],
        env={**os.environ, "HOLDFAST_SSH_CONFIG": str(shop.server.ssh_config)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def refused(shop: Shop, *parts: str) -> str:
    """What the key's owner is told; nothing was built."""
    done = shop.holdfast("deploy", "--domain", shop.host, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 5, said
    for part in parts:
        assert part in said, said
    assert shop.docker("images", "--quiet", f"holdfast/{shop.name}") == ""
    return said


def test_an_ordinary_project_goes_live(by_key: Shop) -> None:
    """What stays in its containers is anybody's; a second deploy as well."""
    by_key.write({"compose.yaml": ORDINARY})
    by_key.deploy()
    by_key.version(2)
    by_key.deploy()
    assert by_key.ask()["version"] == 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("    volumes: ['/:/host']\n", "compose.yaml, line 5: volumes of web: /"),
        ("    volumes: ['/var/run/docker.sock:/d.sock']\n", "/var/run/docker.sock"),
        ("    privileged: true\n", "compose.yaml, line 5: privileged of web"),
        ("    pid: host\n", "pid of web: host"),
        ("    network_mode: host\n", "network_mode of web: host"),
        ("    cap_add: [SYS_ADMIN]\n", "cap_add of web: SYS_ADMIN"),
        ("    devices: ['/dev/null:/dev/x']\n", "devices of web"),
        ("    volumes: ['it:/x']\nvolumes: {it: {driver_opts: {o: bind, device: /}}}\n", "device"),
    ],
)
def test_settings_that_reach_the_server_are_refused(by_key: Shop, said: str, told: str) -> None:
    """In one error that names file, line, service and key, and how it can be allowed."""
    by_key.write({"compose.yaml": WEB + said})
    refused(by_key, "this reaches the server itself", told, "--allow-host")


@pytest.mark.parametrize(
    "said",
    [
        "    env_file: /etc/shadow\n",
        "    extends: {file: /etc/shadow, service: web}\n",
        "include: [/root/.ssh/authorized_keys]\n",
        "include: ['https://example.invalid/x.git']\n",
    ],
)
def test_files_of_root_are_not_read(by_key: Shop, said: str) -> None:
    """Nothing that is in them stands in an error."""
    by_key.write({"compose.yaml": said + WEB if said.startswith("include") else WEB + said})
    told = refused(by_key, "without root's rights")
    assert "root:" not in told
    assert "ssh-ed25519" not in told


def test_variables_do_not_steer_programs_of_root(by_key: Shop) -> None:
    by_key.write({"compose.yaml": WEB, "holdfast.toml": '[env]\nLD_PRELOAD = "/tmp/x.so"\n'})
    refused(by_key, "LD_PRELOAD")


def test_a_link_that_a_container_made_leads_nowhere(by_key: Shop) -> None:
    """Its root may put one where the next release mounts something."""
    by_key.write({"compose.yaml": WEB + "    volumes: ['./uploads:/uploads']\n"})
    by_key.deploy()
    own = 'docker exec $(docker ps -q --filter "label=holdfast.app=$0") ln -s / /uploads/x'
    by_key.server.ssh("sh", "-c", own, by_key.name)
    by_key.write({"compose.yaml": WEB + "    volumes: ['./uploads/x:/host']\n"})
    done = by_key.holdfast("deploy", "--domain", by_key.host, check=False)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "is kept inside uploads" in done.stderr


def test_the_admin_can_allow_it(shop: Shop, by_key: Shop, tmp_path: Path) -> None:
    """To one key; and what the admin deploys is not asked."""
    by_key.write({"compose.yaml": WEB + "    volumes: ['/var/run/docker.sock:/d.sock']\n"})
    shop.deploy()
    done = by_key.holdfast("deploy", "--domain", by_key.host, check=False)
    assert done.returncode == 5, done.stdout + done.stderr
    _add(shop, tmp_path, "--allow-host")
    by_key.deploy()
