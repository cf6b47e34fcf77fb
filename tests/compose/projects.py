"""A Compose project on disk and the command line that deploys it, as its author would."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.machines.machine import Machine

DOCKERFILE = """\
FROM python:3.13-slim-trixie
WORKDIR /app
COPY . .
CMD ["python", "app.py"]
"""

APP = """\
import http.server, json, os, signal, threading
VERSION = 1
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        names = ("HOLDFAST_RELEASE", "SECRET", "MODE", "HELLO")
        said = {name: os.environ.get(name) for name in names}
        body = json.dumps({"version": VERSION, "path": self.path, **said, **extra()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
def extra():
    return {}
server = http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8000"))), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening", flush=True)
server.serve_forever(poll_interval=0.02)
"""

WORKER = """\
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (print("worker ends", flush=True), sys.exit(0)))
print("worker works", flush=True)
while True:
    time.sleep(0.1)
"""

SMALL = {"app.py": APP, "worker.py": WORKER, "Dockerfile": DOCKERFILE}


class Shop:
    """A project in a directory, and its app on a server.

    Args:
        files: what is laid down in the directory; without it a small app.
        login: who its author logs in as.
    """

    def __init__(
        self,
        server: Machine,
        directory: Path,
        name: str,
        files: Mapping[str, str] = SMALL,
        login: str = "root",
    ) -> None:
        self.server = server
        self.login = login
        self.ssh_config = server.ssh_config
        self.directory = directory
        self.name = name
        self.host = f"{name}.test"
        directory.mkdir(exist_ok=True)
        self.write(files)

    def write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def version(self, number: int) -> None:
        """Make the app another one."""
        text = (self.directory / "app.py").read_text()
        before = next(line for line in text.splitlines() if line.startswith("VERSION"))
        self.write({"app.py": text.replace(before, f"VERSION = {number}")})

    def holdfast(
        self, verb: str, *argv: str, check: bool = True, timeout: float = 400
    ) -> subprocess.CompletedProcess[str]:
        """``holdfast VERB`` for this app."""
        with self.start(verb, *argv) as running:
            try:
                said, told = running.communicate(timeout=timeout)
            except BaseException:
                running.kill()
                raise
        done = subprocess.CompletedProcess(running.args, running.returncode, said, told)
        if check and done.returncode != 0:
            raise AssertionError(_told(done))
        return done

    def start(self, verb: str, *argv: str) -> subprocess.Popen[str]:
        """``holdfast VERB`` for this app, which runs on."""
        where = ("--server", f"{self.login}@{self.server.name}", "--name", self.name)
        return subprocess.Popen(
            [sys.executable, "-m", "holdfast", verb, *where, *argv],
            cwd=self.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOLDFAST_SSH_CONFIG": str(self.ssh_config)},
        )

    def deploy(self, *argv: str, check: bool = True) -> list[dict[str, Any]]:
        """Deploy; its events."""
        done = self.holdfast("deploy", "--domain", self.host, "--json", *argv, check=check)
        return self.events(done.stdout)

    @staticmethod
    def events(printed: str) -> list[dict[str, Any]]:
        """What ``--json`` has printed."""
        return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]

    def ask(self, path: str = "/") -> Any:
        """What the app answers through the edge."""
        connection = http.client.HTTPConnection(str(self.server.address), 80, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": self.host})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200, (answer.status, body[:300])
            return json.loads(body)
        finally:
            connection.close()

    @contextmanager
    def load(self) -> Iterator[Counter[str]]:
        """Four visitors while inside: how often each version answered, or what went wrong."""
        seen: Counter[str] = Counter()
        over = threading.Event()

        def visit() -> None:
            while not over.is_set():
                try:
                    seen[f"version {self.ask()['version']}"] += 1
                except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                    seen[f"failed: {error!r}"] += 1
                time.sleep(0.1)

        visitors = [threading.Thread(target=visit) for _ in range(4)]
        for visitor in visitors:
            visitor.start()
        try:
            yield seen
        finally:
            over.set()
            for visitor in visitors:
                visitor.join()

    def docker(self, *argv: str) -> str:
        return self.server.ssh("docker", *argv, timeout=120).stdout.strip()


def _told(done: subprocess.CompletedProcess[str]) -> str:
    """What a command that failed said: with ``--json`` its error, and the end of the detail."""
    last = done.stdout.rpartition("\n{")[2]
    error = json.loads("{" + last).get("error", {}) if '"error"' in last else {}
    detail = str(error.get("detail") or done.stdout)
    return f"{error.get('message')}\n{detail[-2500:]}\n{done.stderr[-1000:]}"


def strategy(events: list[dict[str, Any]]) -> tuple[str, str]:
    """The strategy of a deploy and its first reason."""
    plan = next(item["plan"] for item in events if item.get("event") == "plan.made")
    return plan["strategy"], plan["why"][0]
