"""Every server we write a command line for, started by it: where it listens, whom it trusts.

The packages are the newest of the index, so a flag that one of them drops is seen here.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from holdfast.app import Dependencies
from holdfast.detect import serving
from holdfast.detect.facts import Evidence, Interface
from holdfast.detect.machine import Shape
from holdfast.detect.project import Candidate
from tests.server.detect.installed import MACHINE, environment, install

SERVERS = ("gunicorn", "uvicorn", "hypercorn", "granian", "daphne", "waitress")

APP = """
import asyncio, time

def wsgi(environ, start_response):
    if environ["PATH_INFO"] == "/slow":
        time.sleep(1)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["wsgi.url_scheme"].encode()]

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    client = (scope.get("client") or ("",))[0]
    await send({"type": "http.response.body", "body": f"{scope['scheme']} {client}".encode()})

def make_wsgi():
    return wsgi

def make_asgi():
    return asgi
"""


@dataclass(frozen=True)
class Case:
    """A server, what it serves, and what is true of it alone.

    Attributes:
        scheme: it takes X-Forwarded-Proto from the edge.
        graceful: it finishes a request after TERM; the others rely on the edge's drain.
    """

    server: str
    interface: Interface
    factory: bool = False
    scheme: bool = True
    graceful: bool = True

    def __str__(self) -> str:
        return f"{self.server}-{self.interface}{'-factory' * self.factory}"


CASES = [
    Case("gunicorn", "wsgi"),
    Case("gunicorn", "wsgi", factory=True),
    Case("uvicorn", "asgi"),
    Case("uvicorn", "asgi", factory=True),
    Case("hypercorn", "asgi", scheme=False),
    Case("hypercorn", "wsgi", factory=True, scheme=False),
    Case("granian", "wsgi", scheme=False),
    Case("granian", "asgi", factory=True, scheme=False),
    Case("daphne", "asgi", graceful=False),
    Case("waitress", "wsgi", graceful=False),
    Case("waitress", "wsgi", factory=True, graceful=False),
]


@pytest.fixture(scope="module")
def bin_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("servers")
    return install(directory / "env", Dependencies("none", extra=SERVERS), directory)


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    client: httpx.Client
    log: Path


@pytest.fixture
def start(bin_directory: Path, short_path: Path) -> Iterator[object]:
    running: list[Running] = []

    def begin(case: Case, listen: serving.Listen) -> Running:
        started = _start(case, listen, bin_directory, short_path)
        running.append(started)
        return started

    yield begin
    for item in running:
        item.client.close()
        _end(item.process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """The whole group: a server that is killed alone leaves its workers behind."""
    for name in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, name)
        except ProcessLookupError:
            break
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _start(case: Case, listen: serving.Listen, bin_directory: Path, short_path: Path) -> Running:
    (short_path / "site_app.py").write_text(APP)
    candidate = Candidate(
        "wsgi",
        case.interface,
        "site_app",
        ("make_" if case.factory else "") + case.interface,
        Evidence("site_app.py"),
        case.factory,
    )
    wanted = serving.Wanted(candidate, Shape(1, 4, ""), MACHINE, 10, 60, listen)
    line = serving.line(case.server, wanted)
    assert line.listen == listen
    path, port = short_path / "web.sock", _free_port()
    log = short_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", "-c", line.command],
            env=environment(bin_directory, HOLDFAST_SOCKET=str(path), PORT=str(port)),
            cwd=short_path,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    transport = httpx.HTTPTransport(uds=str(path)) if listen == "unix" else None
    client = httpx.Client(transport=transport, base_url=f"http://127.0.0.1:{port}", timeout=60)
    running = Running(process, client, log)
    _wait(running)
    return running


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(running: Running) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and running.process.poll() is None:
        try:
            running.client.get("/")
        except httpx.TransportError:
            time.sleep(0.02)
        else:
            return
    _end(running.process)
    pytest.fail(f"it did not start:\n{running.log.read_text()}")


FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_server_listens_where_the_edge_asks(case: Case, start: object) -> None:
    """On the socket; it believes the edge, stays for the next request, logs none, ends on TERM.

    A request that is under way when TERM comes is finished by those servers that can.
    """
    running = start(case, "unix")  # type: ignore[operator]
    answer = running.client.get("/", headers=FORWARDED).text
    assert answer.startswith("https" if case.scheme else "http")
    if case.scheme and case.interface == "asgi":
        assert answer == "https 203.0.113.7"
    time.sleep(1.2)  # longer than the edge keeps an idle connection
    assert _kept(running), "it closed an idle connection before the edge did"
    slow: list[int | str] = []
    thread = threading.Thread(target=_slow, args=(running.client, slow))
    thread.start()
    time.sleep(0.4)
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(30)
    thread.join()
    assert slow == [200] or not case.graceful
    assert "GET" not in running.log.read_text()


def _kept(running: Running) -> bool:
    """Whether the client's one connection still stands: it is used again."""
    pool = running.client._transport._pool  # type: ignore[attr-defined]
    before = list(pool.connections)
    running.client.get("/")
    return list(pool.connections) == before and len(before) == 1


def _slow(client: httpx.Client, result: list[int | str]) -> None:
    try:
        result.append(client.get("/slow").status_code)
    except httpx.TransportError as error:
        result.append(type(error).__name__)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_can_listen_on_a_port(server: str, start: object) -> None:
    """``[web] listen = "port"``: on $PORT of 127.0.0.1."""
    case = next(item for item in CASES if item.server == server)
    running = start(case, "port")  # type: ignore[operator]
    assert running.client.get("/").status_code == 200
