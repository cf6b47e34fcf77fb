"""A deploy key deploys its app; whoever has it can do nothing else. With a real sshd."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require
from tests.server.ssh.conftest import PLANETS, new_sshd
from tests.server.ssh.sshd import Sshd

APP = "planets"


class Ci:
    """Where the private key is: another machine, as far as the server can tell."""

    def __init__(self, server: Sshd, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.key = server.home / "ci"
        self.config = server.home / "ci_config"
        server.keygen(self.key)
        text = (server.home / "ssh_config").read_text()
        self.config.write_text(text.replace(str(server.home / "user"), str(self.key)))

    def holdfast(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.server.argv(*arguments),
            cwd=self.folder,
            env={**self.server.environment, "HOLDFAST_SSH_CONFIG": str(self.config)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )

    def ssh(self, *options: str, sent: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ssh", "-F", str(self.config), *options],
            input=sent,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """A request as a program of the key's owner may write it."""
        line = json.dumps({"version": 1, "method": method, "params": params})
        done = self.ssh("box", "holdfast-agent serve", sent=f"{line}\n")
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer


@pytest.fixture(scope="module")
def ci() -> Iterator[Ci]:
    """A server with a deploy key for ``planets``, which was never deployed, and a decoy app."""
    require(shutil.which("nginx", path=f"/usr/sbin:{os.environ['PATH']}"), "nginx with Lua")
    server = new_sshd()
    try:
        server.start(HOME=str(server.home))
        folder = server.home / "planets"
        shutil.copytree(PLANETS, folder, ignore=shutil.ignore_patterns("__pycache__"))
        far = Ci(server, folder)
        other = ("env", "set", "KEY", "--name", "other")
        assert server.holdfast(*other, directory=folder, stdin="hunter2").returncode == 0
        added = server.holdfast(
            *("server", "deploy-key", "add", str(far.key.with_suffix(".pub")), "--app", APP),
            directory=folder,
        )
        assert added.returncode == 0, added.stderr
        yield far
    finally:
        server.remove()


def test_it_deploys_and_looks(ci: Ci) -> None:
    """Everything a pipeline needs, the first deploy of the app included."""
    first = ci.holdfast("deploy", "--domain", "planets.localhost")
    assert first.returncode == 0, first.stdout + first.stderr
    plan = ("plan", "--domain", "planets.localhost")
    for words in (("status",), ("releases",), ("logs",), plan):
        ran = ci.holdfast(*words, "--json")
        assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ci.holdfast("deploy", "--follow").returncode == 0
    status = json.loads(ci.holdfast("apps", "--json").stdout.splitlines()[-1])["result"]
    assert [item["app"] for item in status["apps"]] == [APP]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "sh",
        "id",
        "holdfast-agent",
        "holdfast-agent exec planets -- id",
        "holdfast-agent serve; id",
        "holdfast-agent serve && id",
        "holdfast-agent serve $(id)",
        "holdfast-agent\nserve\nid",
        "/bin/sh -c id",
        "/bin/sh -c id holdfast-probe x",
        "env HOLDFAST_ROOT=/tmp python3 -m holdfast.agent serve",
        "internal-sftp",
        "'",
    ],
)
def test_no_other_command_runs(ci: Ci, command: str) -> None:
    """Whatever is asked for is compared, not run."""
    done = ci.ssh("box", *([command] if command else []))
    assert done.returncode == 1, done
    assert "uid=" not in done.stdout + done.stderr
    assert "can deploy planets" in done.stderr


def test_the_probe_is_answered_not_run(ci: Ci) -> None:
    """A script in its place does nothing."""
    done = ci.ssh("box", "/bin/sh -c 'id; echo gone >&2' holdfast-probe")
    assert "uid=" not in done.stdout
    assert "gone" not in done.stderr
    assert done.stdout.strip().startswith("holdfast-door ")


@pytest.mark.parametrize(
    "options",
    [
        ("-N", "-L", "0:127.0.0.1:22", "-o", "ExitOnForwardFailure=yes", "box"),
        ("-N", "-R", "0:127.0.0.1:22", "-o", "ExitOnForwardFailure=yes", "box"),
        ("-W", "127.0.0.1:22", "box"),
        ("-tt", "box"),
        ("-s", "box", "sftp"),
    ],
)
def test_nothing_is_forwarded(ci: Ci, options: tuple[str, ...]) -> None:
    """No port, no terminal, no file transfer (sshd(8), restrict)."""
    try:
        done = ci.ssh("-o", "ConnectTimeout=5", *options)
    except subprocess.TimeoutExpired:
        # A local port opens on our side; nobody passes anything on behind it.
        assert "-L" in options
        return
    assert done.returncode != 0
    assert "SSH-2.0" not in done.stdout


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("env.list", {"app": APP}),
        ("env.set", {"app": APP, "values": {"A": "b"}}),
        ("env.list", {"app": "other"}),
        ("destroy", {"app": APP}),
        ("gate", {"app": APP, "mode": "maintenance"}),
        ("edge.status", {}),
        ("key.add", {"app": APP, "key": "ssh-ed25519 AAAA"}),
        ("key.list", {"app": APP}),
        ("status", {"app": "other"}),
        ("look", {"app": "other"}),
        ("releases", {"app": "other"}),
        ("logs", {"app": "other"}),
        ("logs", {"app": APP, "processes": ["../../../../etc/passwd"]}),
        ("logs", {"app": f"../{APP}"}),
        ("follow", {"app": "other"}),
        ("cancel", {"app": "other"}),
        ("rollback", {"app": "other"}),
        ("rollback", {"app": APP, "config": {}}),
        ("deploy", {"app": "other", "config": {"app": {"name": "other"}}, "source": {}}),
        ("deploy", {"app": APP, "config": {"app": {"name": "other"}}, "source": {}}),
        (
            "deploy",
            {
                "app": APP,
                "config": {"app": {"name": APP}},
                "source": {"token": "../../other/incoming/x"},
            },
        ),
        *(
            ("deploy", {"app": APP, "config": {"app": {"name": APP}}, "origin": origin})
            for origin in ({"host": 1}, "x", {"host": "a", "folder": "b" * 9000})
        ),
        ("deploy", {"app": APP, "config": {"app": {"name": APP}}}),
        ("plan", {"app": APP, "config": {"app": {"name": APP}}, "source": []}),
        ("logs", {"app": APP, "lines": "x"}),
        ("logs", {"app": APP, "since": []}),
        ("rollback", {"app": APP, "release": {}}),
        ("source.offer", {"app": APP, "bytes": "all"}),
        ("source.offer", {"app": "other", "bytes": 0}),
        ("source.put", {"app": APP, "bytes": 0, "token": "../../other/incoming/x"}),
    ],
)
def test_no_other_request_is_answered(ci: Ci, method: str, params: dict[str, Any]) -> None:
    """No other app, no variables, no gate, no keys; names lead nowhere else."""
    answer = ci.ask(method, **params)
    assert answer["error"]["type"] == "UsageError", answer
    assert "hunter2" not in json.dumps(answer)


def test_no_agent_is_installed(ci: Ci) -> None:
    """A pipeline with another Holdfast uses the server's, or is told; it brings none along."""
    agent = ci.server.root / "agent"
    current = (agent / "current").readlink()
    real = json.loads((agent / "current" / "holdfast.json").read_text())
    assert real["protocol"] == 1
    before = sorted(path.name for path in agent.iterdir())
    assert ci.holdfast("releases").returncode in (0, 3)
    assert (agent / "current").readlink() == current
    assert sorted(path.name for path in agent.iterdir()) == before
    done = ci.holdfast("run", "--", "id")
    assert done.returncode == 2
    assert "can run no command" in done.stderr


def test_taken_away(ci: Ci) -> None:
    """Listed by its fingerprint, removed by it, refused by sshd from then on."""
    listed = ci.server.holdfast(
        "server", "deploy-key", "list", "--app", APP, "--json", directory=ci.folder
    )
    (key,) = json.loads(listed.stdout)["result"]["keys"]
    shown = subprocess.run(
        ["ssh-keygen", "-lf", str(ci.key)], capture_output=True, text=True, check=True, timeout=10
    )
    assert key["fingerprint"] in shown.stdout
    removed = ci.server.holdfast(
        *("server", "deploy-key", "remove", key["fingerprint"], "--app", APP), directory=ci.folder
    )
    assert removed.returncode == 0, removed.stderr
    done = ci.holdfast("status")
    assert done.returncode == 10
    assert "permission denied" in done.stderr


def test_a_removed_app_stays_removed(ci: Ci) -> None:
    """destroy takes the app's keys away, and no other's: CI does not bring the app back."""
    server, folder = ci.server, ci.folder
    server.keygen(server.home / "of_other")
    key = ("server", "deploy-key")
    for name, app in (("of_other", "other"), ("ci", APP)):
        public = str(server.home / f"{name}.pub")
        added = server.holdfast(*key, "add", public, "--app", app, directory=folder)
        assert added.returncode == 0, added.stderr
    gone = server.holdfast("destroy", "--yes", "--name", APP, directory=folder)
    assert gone.returncode == 0, gone.stderr
    assert "1 deploy key of it taken away" in gone.stdout
    again = ci.holdfast("deploy", "--domain", "planets.localhost")
    assert again.returncode == 10, again.stdout + again.stderr
    assert not (server.root / "apps" / APP).exists()
    left = server.holdfast(*key, "list", "--app", "other", directory=folder)
    assert "SHA256:" in left.stdout
