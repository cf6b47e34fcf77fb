"""From a bare server to apps on HTTPS, as somebody with a laptop goes about it.

The CA is Pebble on this machine, reached from the servers by the bed's bridge. That they ask its
DNS, and trust the certificate it listens with, is all that makes such a server differ from one
that asks Let's Encrypt; both are written into the test server alone, before it is switched on.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.variants import make_variant
from tests.acme import Pebble, pebble
from tests.machines import inherit
from tests.machines.bed import Bed
from tests.machines.host import install, run
from tests.machines.machine import Machine
from tests.machines.setting_up import Ended, Owner
from tests.machines.visiting import Answer, get

LONGEST = 600.0
"""Seconds; the first deploy of a server fetches uv and every dependency."""

TIMER = "holdfast-tls.timer"


@contextmanager
def public_ca(
    bed: Bed, home: Path, *, validity: int | None = None, ipv6: bool = False
) -> Iterator[Pebble]:
    """A CA and a DNS that the servers of ``bed`` reach; Pebble is installed if it is missing.

    Args:
        ipv6: they are reached by IPv6, once a server speaks it.

    Raises:
        HostError: it cannot be installed.
    """
    if not all(shutil.which(name) for name in ("pebble", "pebble-challtestsrv")):
        install(["pebble"])
    home.mkdir(exist_ok=True)
    address = bed.network.gateway6 if ipv6 else bed.network.gateway
    with pebble(home, 80, address=str(address), validity=validity) as ca:
        yield ca


@dataclass(frozen=True, slots=True)
class Site:
    """An example app and the name it is to have."""

    name: str
    example: str
    host: str


NOTES = Site("notes", "flask-notes", "notes.zero.test")
POLLS = Site("polls", "django-polls", "polls.zero.test")


class Laptop:
    """Somebody with a project folder for each app, a bare server, and nothing else.

    Args:
        home: where the folders and what the command remembers lie.
    """

    def __init__(self, machine: Machine, ca: Pebble, home: Path) -> None:
        self.machine = machine
        self.ca = ca
        self.owner = Owner(machine, home / "state")
        self._home = home
        self._version = 0

    def prepare(self) -> None:
        """Before power-on: have the server trust our CA's listener, and ask our DNS for domains."""
        root = self.machine.root
        trusted = root / "usr/local/share/ca-certificates/test-ca.crt"
        trusted.write_text(self.ca.trust.read_text())
        run("chroot", root, "update-ca-certificates", timeout=300)
        asked = f"{self.ca.address}:{self.ca.dns_port}"
        inherit.give(root, "test-ca", {"HOLDFAST_DNS": asked}, sudo=True)

    def point(self, *sites: Site) -> None:
        """Have DNS send the sites' names to the server, and to no other that had them before."""
        for site in sites:
            self.ca.unpoint(site.host)
            self.ca.point(site.host, str(self.machine.address))

    def often(self) -> None:
        """Have the timer look every 10 s from now on; how often it looks is no part of what is
        tested, and each look takes a second of a processor."""
        drop_in = self.machine.root / f"etc/systemd/system/{TIMER}.d/test.conf"
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        drop_in.write_text(
            "[Timer]\nOnBootSec=\nOnUnitInactiveSec=\nOnActiveSec=1s\nOnUnitInactiveSec=10s\n"
            "RandomizedDelaySec=0\nAccuracySec=100ms\n"
        )
        self.owner.sudo("systemctl", "daemon-reload")
        self.owner.sudo("systemctl", "restart", TIMER)

    # -- commands

    def setup(self) -> Ended:
        return self.owner.setup("--yes")

    def deploy(self, site: Site, kind: str = "plain", *words: str) -> Ended:
        """Commit the next version of the site, and deploy it."""
        return self.holdfast(self.change(site, kind), "deploy", *words)

    def change(self, site: Site, kind: str = "plain") -> Path:
        """The next version, committed, with the ``holdfast.toml`` that it takes."""
        self._version += 1
        folder = make_variant(site.example, kind, self.folder(site), f"v{self._version}")
        (folder / "holdfast.toml").write_text(
            f'[app]\nname = "{site.name}"\ndomains = ["{site.host}"]\n'
            f'server = "holdfast@{self.machine.name}"\n[tls]\ndirectory = "{self.ca.directory}"\n'
        )
        return folder

    def folder(self, site: Site) -> Path:
        """Where the site's project lies."""
        return self._home / site.name

    def version(self) -> str:
        """What the last version that was made says of itself."""
        return f"v{self._version}"

    def start(self, folder: Path, *words: str) -> subprocess.Popen[str]:
        """A command that runs on."""
        return subprocess.Popen(
            [sys.executable, "-m", "holdfast", *words],
            cwd=folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def holdfast(self, folder: Path, *words: str) -> Ended:
        """A command with ``--json``, to its end."""
        running = self.start(folder, *words, "--json")
        try:
            text, _ = running.communicate(timeout=LONGEST)
        finally:
            running.kill()
        return Ended(running.returncode, _last(text), text)

    def certificate(self, site: Site) -> Mapping[str, Any]:
        """What ``cert list`` says of the site's."""
        ended = self.holdfast(self.folder(site), "cert", "list")
        every: list[dict[str, Any]] = ended.last["result"]["certificates"]
        return next(item for item in every if item["app"] == site.name)

    def wait_for_login(self, patience: float = 90) -> None:
        """Wait until the server has booted and lets the admin in."""
        deadline = time.monotonic() + patience
        while refusal := self.owner.refusal("holdfast"):
            assert time.monotonic() < deadline, f"{refusal} {self.machine.console[-2000:]}"
            time.sleep(0.5)
        self.owner.sudo("sh", "-c", "systemctl is-system-running --wait || true", timeout=90)

    def _environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key[:9] != "HOLDFAST_"}
        return {
            **kept,
            "HOLDFAST_SSH_CONFIG": str(self.machine.ssh_config),
            "XDG_STATE_HOME": str(self.owner.state),
        }

    # -- visits

    def visit(self, site: Site, path: str = "/", *, secure: bool = True) -> Answer:
        """One request by a visitor who trusts the CA."""
        trust = self.trust() if secure else None
        return get(str(self.machine.address), site.host, path, trust)

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cadata=self.ca.root())

    def serial(self, site: Site) -> str:
        """The serial number of the certificate that is served."""
        return get(str(self.machine.address), site.host, "/", self.trust()).serial

    def wait_for(self, what: str, patience: float, site: Site, before: str) -> str:
        """Wait until another certificate than ``before`` is served; its serial number."""
        deadline = time.monotonic() + patience
        while (serial := self.serial(site)) == before:
            assert time.monotonic() < deadline, f"{what}: no other certificate in {patience:g} s"
            time.sleep(0.5)
        return serial


def _last(text: str) -> dict[str, Any]:
    lines = [line for line in text.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return found
