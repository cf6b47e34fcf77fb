"""A gunicorn worker ends sooner than the interpreter would, and leaves nothing undone."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from holdfast import ending
from holdfast.app import Dependencies
from tests.server.detect.installed import environment, install

APP = """
import atexit, os, threading, time

def write(what):
    with open("ended", "a") as stream:
        stream.write(what + "\\n")

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"ok"]

class Slow:
    def __del__(self):
        time.sleep(10)

kept = Slow()
atexit.register(write, "exit handler")

def late():
    while not os.path.exists("ended"):
        time.sleep(0.01)
    time.sleep(0.5)
    write("thread")

threading.Thread(target=late).start()
print("unflushed", end="")
"""

OWN = """
def worker_exit(server, worker):
    print("own hook", file=open("ended", "a"))
"""


@pytest.fixture(scope="module")
def bin_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("ending")
    return install(directory / "env", Dependencies("none", extra=("gunicorn",)), directory)


def _start(bin_directory: Path, home: Path, text: str) -> subprocess.Popen[str]:
    (home / "site_app.py").write_text(text)
    ending.write(home)
    args = ending.variables(home, "")["GUNICORN_CMD_ARGS"]
    assert isinstance(args, str)
    return subprocess.Popen(
        ["gunicorn", "--bind", f"unix:{home}/s", "--no-control-socket", "site_app:app"],
        env=environment(bin_directory, GUNICORN_CMD_ARGS=args),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_nothing_is_left_undone(bin_directory: Path, short_path: Path) -> None:
    """The app's own hook, its threads, its exit handlers and its output; then it is gone.

    What is skipped is taking the interpreter apart: an object whose end takes 10 s is not
    waited for.
    """
    (short_path / "gunicorn.conf.py").write_text(OWN)
    process = _start(bin_directory, short_path, APP)
    try:
        _until(lambda: (short_path / "s").exists() and _answers(short_path / "s"))
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=15)
        took = time.monotonic() - began
    finally:
        process.kill()
    assert (short_path / "ended").read_text().split("\n")[:3] == [
        *("own hook", "thread", "exit handler")
    ]
    assert "unflushed" in output
    assert process.returncode == 0
    assert took < 8


def test_the_master_is_gone_as_soon_as_its_worker(bin_directory: Path, short_path: Path) -> None:
    """By itself gunicorn sleeps 0.2 s on the way, however fast the machine is."""
    text = APP.partition("class Slow")[0]
    took: list[float] = []
    while not took or (min(took) >= 0.2 and len(took) < 20):  # others may have the machine
        process = _start(bin_directory, short_path, text)
        try:
            _until(lambda: (short_path / "s").exists() and _answers(short_path / "s"))
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
            took.append(time.monotonic() - began)
        finally:
            process.kill()
        assert process.returncode == 0
    assert min(took) < 0.2


def test_a_worker_that_cannot_boot_says_so(bin_directory: Path, short_path: Path) -> None:
    """gunicorn hears the exit status by which it ends instead of starting workers for ever."""
    process = _start(bin_directory, short_path, "raise RuntimeError('no')")
    output, _ = process.communicate(timeout=90)
    assert process.returncode == 3
    assert "RuntimeError: no" in output


def _answers(path: Path) -> bool:
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
            return client.get("http://site/").text == "ok"
    except httpx.TransportError:
        return False


def _until(true: Callable[[], bool], patience: float = 90) -> None:
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
