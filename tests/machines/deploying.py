"""The product against a test server: the command of this checkout, over SSH, for example apps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.machines.host import CHECKOUT
from tests.machines.machine import Machine

ROOT = "/var/lib/holdfast"


@dataclass(frozen=True, slots=True)
class App:
    """A copy of an example, deployed to one server as ``name``."""

    machine: Machine
    directory: Path
    name: str

    @property
    def domain(self) -> str:
        return f"{self.name}.example"

    @property
    def home(self) -> str:
        return f"{ROOT}/apps/{self.name}"

    def command(self, *words: str) -> list[str]:
        return [str(Path(sys.executable).with_name("holdfast")), *words]

    def holdfast(
        self, *words: str, check: bool = True, timeout: float = 240, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run ``holdfast`` in the app's directory against the server."""
        verb, *rest = words
        done = subprocess.run(
            self.command(verb, "--server", self.machine.name, *rest),
            cwd=self.directory,
            env=self.environment(),
            capture_output=True,
            text=True,
            errors="replace",  # an app's data need not be text
            input=stdin,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done

    def environment(self) -> dict[str, str]:
        return {**os.environ, "HOLDFAST_SSH_CONFIG": str(self.machine.ssh_config)}

    def deploy(self, *words: str) -> None:
        self.holdfast("deploy", "--yes", *words)

    def run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Code execution as the app's user on the server."""
        return self.holdfast("run", "--", *argv, check=False, stdin=stdin)

    def get(self, path: str = "/", timeout: float = 10) -> int:
        """The status of a request to the server's port 80; 0 for no answer."""
        request = urllib.request.Request(
            f"http://{self.machine.address}{path}", headers={"Host": self.domain}
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:  # noqa: S310
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def change(self) -> None:
        """Make the next deploy a new release."""
        (self.directory / "changed.txt").write_text(f"{time.time()}\n")

    def unit(self, process: str) -> str:
        return f"holdfast-{self.name}.{process}.service"

    def serving(self) -> str:
        """The id of the release that the gate leads to."""
        gates = json.loads(self.machine.ssh("cat", f"{ROOT}/edge/gates.json").stdout)
        return str(gates["apps"][self.name]["target"]["release"])


def make(machine: Machine, example: str, name: str, directory: Path) -> App:
    """A copy of an example with a name and a domain of its own."""
    target = directory / name
    shutil.copytree(CHECKOUT / "examples" / example, target)
    config = f'[app]\nname = "{name}"\ndomains = ["{name}.example"]\n'
    (target / "holdfast.toml").write_text(config)
    return App(machine, target, name)


def wait_for(what: Callable[[], object], seconds: float = 120) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.2)
