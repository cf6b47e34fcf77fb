"""A server that is audited: bare at first, then set up, with an app on HTTPS and with Docker."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock

from bench.harness import ROOT, BenchError, program
from bench.host_scan import Login, put_text
from tests.certificates import Authority
from tests.machines import docker
from tests.machines.machine import Machine
from tests.machines.setting_up import Owner, keep_packages, lend_packages

APP, DOMAIN = "notes", "notes.audit.example"
_DEPLOY = 600.0
_CA = "/usr/local/share/ca-certificates/audit.crt"

_BRIDGE = Lock()
"""Held by who has a name server on the bed's bridge: it knows one answer, and a server that asked
another one's would find somebody else's site there, and send no HSTS."""


class Audited:
    """One server and the laptop that owns it.

    Attributes:
        login: how commands run as root there now.
    """

    def __init__(self, machine: Machine, home: Path) -> None:
        self.machine = machine
        self.release = machine.release
        self.address = str(machine.address)
        self.login = Login(machine)
        self._home = home
        home.mkdir()
        self._owner = Owner(machine, home / "state")

    def boot(self) -> None:
        lend_packages(self.machine)
        self.machine.boot()
        self.machine.wait_for_boot()

    def set_up(self) -> float:
        """``holdfast server setup``, twice: the second time nothing changes; its seconds."""
        started = time.monotonic()
        first = self._owner.setup("--yes")
        seconds = time.monotonic() - started
        keep_packages(self.machine)
        second = self._owner.setup("--yes")
        for ended in (first, second):
            if ended.code:
                raise BenchError(f"server setup failed: {ended.text[-1500:]}")
        if changed := second.last["result"]["changed"]:
            raise BenchError(f"server setup changes things every time: {changed}")
        self.login = Login(self.machine, str(first.last["result"]["admin"]))
        return round(seconds, 1)

    def drift(self) -> list[str]:
        """What ``holdfast server check`` finds otherwise than set-up left it."""
        ended = self._owner.holdfast("check", self.machine.name)
        items = ended.last.get("result", {}).get("items", [])
        return [item["key"] for item in items if item["state"] == "change"]

    def deploy(self) -> None:
        """The example, with a certificate of the user's own, over SSH as the admin."""
        folder = self._home / APP
        shutil.copytree(ROOT / "examples" / "flask-notes", folder)
        pair = Authority(self._home / "ca").pair(DOMAIN)
        (folder / "site.pem").write_text(pair.chain)
        (folder / "site.key").write_text(pair.key)
        (folder / "holdfast.toml").write_text(
            f'[app]\nname = "{APP}"\ndomains = ["{DOMAIN}"]\n'
            '[tls]\ncertificate = "site.pem"\nkey = "site.key"\n'
        )
        self._holdfast("deploy", "--yes")

    def prove_https(self) -> None:
        """Have the server see its own site as a browser would, so that it speaks of HSTS."""
        certificate = (self._home / "ca" / "ca.pem").read_text()
        put_text(self.login, _CA, certificate)
        self.login.run("update-ca-certificates")
        gateway = self.address.rpartition(".")[0] + ".1"
        with _BRIDGE, _dns(gateway, self.address):
            before = self.login.run("cat", "/etc/resolv.conf")
            put_text(self.login, "/etc/resolv.conf", f"nameserver {gateway}")
            try:
                self._holdfast("cert", "renew")
            finally:
                put_text(self.login, "/etc/resolv.conf", before)

    def _holdfast(self, *words: str) -> None:
        where = ("--server", f"{self.login.user}@{self.machine.name}")
        done = subprocess.run(
            [sys.executable, "-m", "holdfast", *words, *where],
            cwd=self._home / APP,
            env={**os.environ, "HOLDFAST_SSH_CONFIG": str(self.machine.ssh_config)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEPLOY,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"holdfast {words[0]}: {(done.stdout + done.stderr)[-1500:]}")

    def run_docker(self) -> None:
        """Docker with a published port; restarted, and the server rebooted, after which all runs.

        Raises:
            BenchError: the container does not answer on the server itself, so that a scan
                which does not see it would prove nothing.
        """
        docker.publish(lambda text: self.login.run("sh", "-c", text, timeout=600))
        self.login.run("systemctl", "restart", "docker")
        self._wait_for_container()
        self.machine.stop()
        self.machine.boot()
        self._wait_for_container()

    def _wait_for_container(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with suppress(BenchError, subprocess.TimeoutExpired):
                if "published" in self.login.run("sh", "-c", docker.ANSWERS, timeout=20):
                    return
            time.sleep(1)
        raise BenchError("the container with the published port does not answer")


@contextmanager
def _dns(address: str, answer: str) -> Iterator[None]:
    """A name server on the bed's own bridge that knows one answer."""
    argv = [
        str(program("pebble-challtestsrv", "pebble")),
        *("-defaultIPv4", answer, "-defaultIPv6", "", "-dns01", f"{address}:53"),
        *("-http01", "", "-https01", "", "-tlsalpn01", ""),
        *("-management", f"{address}:8055"),
    ]
    running = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        time.sleep(1)
        if running.poll() is not None:
            raise BenchError("pebble-challtestsrv does not run")
        yield
    finally:
        running.terminate()
        running.wait(10)
