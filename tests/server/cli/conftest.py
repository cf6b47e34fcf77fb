"""The real command, as a person types it, on a place of its own with a small app."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo.place import Place, new_place
from tests.conftest import require

APP = """\
import os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        print("asked for", self.path, flush=True)
        body = (os.environ.get("GREETING", "hello") + "\\n").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

time.sleep(float(os.environ.get("BOOT", "0")))
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Answer).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Typed:
    """A project's folder and the place it is deployed to."""

    place: Place
    folder: Path

    def argv(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "holdfast", *arguments]

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run to the end; neither output nor input is a terminal."""
        return subprocess.run(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.place.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def change(self) -> None:
        """Make the next version."""
        with (self.folder / "serve.py").open("a") as stream:
            stream.write("#\n")


@pytest.fixture(scope="module")
def typed() -> Iterator[Typed]:
    """A folder called ``hello``, deployed once with nothing but ``--server local``."""
    require(shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin"), "nginx with Lua")
    with tempfile.TemporaryDirectory(prefix="hf", dir="/tmp") as directory:
        folder = Path(directory) / "hello"
        folder.mkdir()
        (folder / "serve.py").write_text(APP)
        (folder / "Procfile").write_text("web: python serve.py\n")
        made = Typed(new_place(), folder)
        try:
            first = made.run("deploy", "--server", "local")
            assert first.returncode == 0, first.stdout + first.stderr
            yield made
        finally:
            made.place.remove()
