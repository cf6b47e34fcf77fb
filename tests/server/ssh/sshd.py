"""An OpenSSH server of the tests' own, and an SSH configuration that leads to it."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from demo.place import Place, free_port

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
_PASSED_ON = re.compile(r"(PIP|UV|SSL)_\w+\Z")
"""How this machine reaches its package index; a real server has that in files."""


class Sshd:
    """Listens on 127.0.0.1 with a host key of its own and one user key.

    Args:
        home: a new directory with a short path; ROOT at the far end is below it.
        user: who logs in.
    """

    def __init__(self, home: Path, user: str = "") -> None:
        self.home = home
        self.user = user or pwd.getpwuid(os.geteuid()).pw_name
        self.port = free_port()
        self.place = Place(home / "r", free_port())
        self._process: subprocess.Popen[bytes] | None = None
        for name in ("host", "user"):
            self.keygen(home / name)
        shutil.copy(home / "user.pub", home / "authorized")
        (home / "authorized").chmod(0o644)
        self.know_host()
        self.write_client_config()

    @property
    def root(self) -> Path:
        return self.place.root

    def keygen(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(argv, check=True, timeout=30)

    def know_host(self) -> None:
        kind, key, *_ = (self.home / "host.pub").read_text().split()
        (self.home / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def write_client_config(self, **more: str) -> None:
        """What stands in the user's ``~/.ssh/config``: the server's alias is ``box``."""
        values = {
            "HostName": "127.0.0.1",
            "Port": str(self.port),
            "User": self.user,
            "IdentityFile": str(self.home / "user"),
            "IdentitiesOnly": "yes",
            "UserKnownHostsFile": str(self.home / "known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            **more,
        }
        lines = ["Host box", *(f"    {name} {value}" for name, value in values.items())]
        (self.home / "ssh_config").write_text("\n".join(lines) + "\n")

    def start(self, **variables: str | None) -> None:
        """Start it.

        Args:
            variables: further environment of those who log in; ``None`` takes one away.
        """
        passed = {name: value for name, value in os.environ.items() if _PASSED_ON.match(name)}
        there = {
            "HOLDFAST_ROOT": str(self.root),
            "HOLDFAST_PORT": str(self.place.port),
            **passed,
            **variables,
        }
        words = " ".join(f'"{name}={value}"' for name, value in there.items() if value)
        lines = [
            "ListenAddress 127.0.0.1",
            f"Port {self.port}",
            f"HostKey {self.home / 'host'}",
            f"AuthorizedKeysFile {self.home / 'authorized'} {self.home / '.ssh/authorized_keys'}",
            f"PidFile {self.home / 'sshd.pid'}",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin yes",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "MaxStartups 100",
            f"SetEnv {words}",
        ]
        (self.home / "sshd_config").write_text("\n".join(lines) + "\n")
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        assert SSHD is not None
        self._process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(self.home / "sshd_config")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.home / "sshd.log").open("wb"),
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise TimeoutError((self.home / "sshd.log").read_text())

    def stop(self) -> None:
        """No new connections; those that stand are served by processes of their own."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def remove(self) -> None:
        self.stop()
        if self.root.exists():
            self.place.remove()
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def environment(self) -> Mapping[str, str]:
        """Of the laptop's side: it knows nothing of the root at the far end."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("HOLDFAST_", "SSH_"))
        }
        return {**kept, "HOLDFAST_SSH_CONFIG": str(self.home / "ssh_config")}

    def holdfast(
        self, *arguments: str, directory: Path, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """The real command with ``--server box``, to its end."""
        return subprocess.run(
            self.argv(*arguments),
            cwd=directory,
            env=dict(self.environment),
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def argv(self, *arguments: str) -> list[str]:
        """``--server`` after the verb, before a command that ``run`` is given."""
        cut = arguments.index("--") if "--" in arguments else len(arguments)
        ours = [*arguments[:cut], "--server", "box", *arguments[cut:]]
        return [sys.executable, "-m", "holdfast", *ours]
