"""The far end of a session: one request in, the protocol's lines out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SERVE = [sys.executable, "-P", "-m", "holdfast.agent", "serve"]


def ask(root: Path, sent: bytes, before: Sequence[str] = ()) -> Any:
    """The last line that comes back; nothing else may be printed."""
    env = {**os.environ, "HOLDFAST_ROOT": str(root)}
    argv = [*before, *SERVE]
    done = subprocess.run(argv, input=sent, env=env, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == b""
    return json.loads(done.stdout.splitlines()[-1])


def request(method: str, **params: Any) -> bytes:
    return json.dumps({"version": 1, "method": method, "params": params}).encode() + b"\n"


def test_a_question_is_answered(short_path: Path) -> None:
    """Methods are the agent's own."""
    assert ask(short_path / "r", request("hello"))["result"]["root"] == str(short_path / "r")


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b"GET / HTTP/1.1\n", "not one line of JSON"),
        (b"[]\n", "not one line of JSON"),
        (b'{"version": 2, "method": "hello", "params": {}}\n', "of version 2"),
        (request("no.such"), "no method 'no.such'"),
    ],
)
def test_what_is_wrong_is_an_answer_too(short_path: Path, sent: bytes, message: str) -> None:
    """One error line, of the class that it has there."""
    error = ask(short_path / "r", sent)["error"]
    assert error["type"] == "UsageError"
    assert message in error["message"]


def test_a_fault_is_kept_for_us_alone(short_path: Path) -> None:
    """Missing parameters are a fault of ours: no traceback on the wire, one in a 0600 file."""
    (short_path / "r" / "agent").mkdir(parents=True)
    error = ask(short_path / "r", request("env.set"))["error"]
    said = r"Holdfast has a fault on the server: KeyError at env\.set \(\w+\.py, line \d+\)"
    assert re.fullmatch(said, error["message"])
    kept = short_path / "r" / "agent" / "fault.txt"
    assert str(kept) in error["hint"]
    assert "Traceback" in kept.read_text()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_what_the_system_refuses_is_said(short_path: Path) -> None:
    """Not "OSError", but what could not be done, why, and with which file."""
    root = short_path / "r"
    (root / "agent").mkdir(parents=True)
    (root / "apps").write_text("a file where a directory is to be\n")
    error = ask(root, request("env.set", app="site", values={}))["error"]
    said = f"the server failed at env.set: Not a directory: {root / 'apps' / 'site'}"
    assert error["message"] == said
    assert "fault.txt" in error["hint"]


def test_files_of_another_user(short_path: Path) -> None:
    """Whose the file is that the server may not use, and what to do; no report is asked for."""
    root, theirs = short_path / "r", short_path / "r" / "apps"
    theirs.mkdir(parents=True)
    plain = []
    if os.geteuid() == 0:  # without what lets root into what is another's (capabilities(7))
        os.chown(theirs, 65534, 65534)
        plain = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"]
    theirs.chmod(0o700 if plain else 0)
    try:
        error = ask(root, request("env.set", app="site", values={}), plain)["error"]
    finally:
        theirs.chmod(0o700)
    said = f"the server failed at env.set: {theirs / 'site'}: permission denied"
    assert error["message"] == said
    assert error["hint"].startswith(f"{theirs} belongs to ")


def test_one_request_after_the_other(short_path: Path) -> None:
    """A session answers as many as come, an error between them; then it ends."""
    env = {**os.environ, "HOLDFAST_ROOT": str(short_path / "r")}
    sent = request("hello") + request("no.such") + request("hello")
    done = subprocess.run(SERVE, input=sent, env=env, capture_output=True, timeout=60, check=False)
    kinds = [next(iter(json.loads(line))) for line in done.stdout.splitlines()]
    assert kinds == ["result", "error", "result"]


def test_nobody_listens_any_more(short_path: Path) -> None:
    """A reader that has gone away is no fault: it ends, and quietly."""
    env = {**os.environ, "HOLDFAST_ROOT": str(short_path / "r")}
    process = subprocess.Popen(
        SERVE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    time.sleep(0.1)
    process.stdin.write(request("hello"))
    process.stdin.close()
    assert process.wait(60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()
