"""The real command against a real sshd: deployed, looked at, cut off, gone back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.ssh.sshd import Sshd

Deployed = tuple[Sshd, Path]
SECRET = "planted-3c1f9a7e55d04b"


def get(server: Sshd) -> httpx.Response:
    address = f"http://127.0.0.1:{server.place.port}/"
    return httpx.get(address, headers={"Host": "planets.localhost"}, timeout=60)


def answer(server: Sshd, folder: Path, *arguments: str) -> dict[str, Any]:
    """The result that a command tells a program."""
    done = server.holdfast(*arguments, "--json", directory=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    value: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["result"]
    return value


def start(server: Sshd, folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """A command that goes on while the test does something."""
    return subprocess.Popen(
        server.argv(*arguments),
        cwd=folder,
        env=dict(server.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def lines_until(process: subprocess.Popen[str], text: str) -> list[str]:
    """Its lines, up to the first with ``text``."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        if text in line:
            return seen
    raise AssertionError(f"it never said {text!r}: {''.join(seen)}")


def ssh_clients(server: Sshd) -> list[int]:
    """The pids of ssh processes that lead to this test's server and to no other."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            mine = f"HOLDFAST_SSH_CONFIG={server.home}/".encode()
            if words[0] == b"ssh" and mine in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except (OSError, IndexError):
            continue
    return found


def agents(server: Sshd, word: bytes) -> list[int]:
    """The pids of agents at the far end that were started with this word."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].startswith(f"{server.root}/agent/".encode()) and word in words:
            found.append(int(entry.name))
    return found


def wait_until(true: Any, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.05)


def test_it_serves(deployed: Deployed) -> None:
    """The app answers at the far end's edge; releases, status and plan tell the same."""
    server, folder = deployed
    assert get(server).status_code == 200
    status = answer(server, folder, "status")["apps"][0]
    assert status["last_deploy"]["outcome"] == "succeeded"
    assert answer(server, folder, "releases")["releases"][0]["id"] == status["release"]


def test_commands_run_there(deployed: Deployed) -> None:
    """Output, input, arguments with blanks and quotes, and the exit status come through."""
    server, folder = deployed
    script = "import sys; print(sys.argv[1:], sys.stdin.read()); sys.exit(7)"
    words = ["two words", "it's", "$HOME", ""]
    done = server.holdfast(
        "run", "--", "python", "-c", script, *words, directory=folder, stdin="given"
    )
    assert done.returncode == 7
    assert done.stdout == f"{words!r} given\n"
    done = server.holdfast("run", "--", "sh", "-c", "exit 255", directory=folder)
    assert (done.returncode, done.stderr) == (255, "")  # no lost connection


def test_logs_are_followed_and_let_go(deployed: Deployed) -> None:
    """A new line arrives while following; after Ctrl-C nobody follows at the far end."""
    server, folder = deployed
    process = start(server, folder, "logs", "-f", "-n", "1000", "--json")
    try:
        wait_until(lambda: len(agents(server, b"serve")) > 0)
        time.sleep(1)
        log = server.root / "apps" / "planets" / "logs" / "web.a.log"
        with log.open("a") as stream:
            stream.write("a line of this test\n")
        lines_until(process, "a line of this test")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
    wait_until(lambda: not agents(server, b"serve"), 40)


def test_a_secret_is_seen_by_nobody(deployed: Deployed) -> None:
    """Not in ps while it travels, not in any log, output or readable file."""
    server, folder = deployed
    process = subprocess.Popen(
        server.argv("env", "set", "TOKEN"),
        cwd=folder,
        env=dict(server.environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert process.stdin is not None
    process.stdin.write(SECRET.encode())
    process.stdin.close()
    while process.poll() is None:
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                assert SECRET.encode() not in entry.read_bytes()
            except OSError:
                continue
    assert process.stdout is not None
    assert process.returncode == 0
    deploy = server.holdfast("deploy", "--domain", "planets.localhost", "--json", directory=folder)
    assert deploy.returncode == 0, deploy.stdout
    shown = server.holdfast("run", "--", "sh", "-c", "echo $TOKEN | wc -c", directory=folder)
    assert shown.stdout.strip() == str(len(SECRET) + 1)
    assert SECRET not in process.stdout.read().decode() + deploy.stdout + deploy.stderr
    holding = [
        path
        for path in server.home.rglob("*")
        if path.is_file() and not path.is_symlink() and SECRET.encode() in path.read_bytes()
    ]
    assert holding
    assert all(path.stat().st_mode & 0o077 == 0 for path in holding), holding


def test_a_cut_connection_does_not_stop_a_deploy(deployed: Deployed) -> None:
    """ssh is killed in the middle: the deploy ends as it would have, and can be watched."""
    server, folder = deployed
    before = answer(server, folder, "status")["apps"][0]["release"]
    with (folder / "app.py").open("a") as stream:
        stream.write("import time; time.sleep(3)\n")
    process = start(server, folder, "deploy", "--domain", "planets.localhost")
    try:
        lines_until(process, "Boot the new release")
        for pid in ssh_clients(server):
            os.kill(pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 10, rest
    assert "the connection was lost" in rest
    assert "holdfast deploy --server box --follow" in rest
    followed = answer(server, folder, "deploy", "--follow")
    assert followed["outcome"] == "succeeded"
    after = answer(server, folder, "status")["apps"][0]
    assert after["release"] == followed["release"] != before
    assert get(server).status_code == 200


def test_ctrl_c_undoes_a_deploy(deployed: Deployed) -> None:
    """It asks over a second session; the deploy is undone and the old release serves."""
    server, folder = deployed
    before = answer(server, folder, "status")["apps"][0]["release"]
    with (folder / "app.py").open("a") as stream:
        stream.write("import time\ntime.sleep(6)\n")
    process = start(server, folder, "deploy", "--domain", "planets.localhost")
    try:
        lines_until(process, "Build the release")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 6, rest
    assert answer(server, folder, "status")["apps"][0]["release"] == before
    assert get(server).status_code == 200


def test_back_to_an_earlier_release(deployed: Deployed) -> None:
    """A rollback is a deploy like any other."""
    server, folder = deployed
    kept = [item["id"] for item in answer(server, folder, "releases")["releases"]]
    current = answer(server, folder, "status")["apps"][0]["release"]
    older = next(item for item in kept if item < current)
    assert answer(server, folder, "rollback", older, "--yes")["release"] == older
    assert get(server).status_code == 200


@pytest.fixture(autouse=True)
def _nothing_left(deployed: Deployed) -> Iterator[None]:
    """No command leaves an ssh process or a private directory behind."""
    yield
    wait_until(lambda: not ssh_clients(deployed[0]), 10)
