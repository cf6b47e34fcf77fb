"""The control socket, and the file of gates that it is about."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from holdfast.edge.client import Edge
from holdfast.edge.contract import Mode
from holdfast.errors import EdgeError
from holdfast.layout import Layout
from tests.edge.conftest import SiteFactory
from tests.edge.site import Site
from tests.edge.wire import Reader, Response


def talk(site: Site, data: bytes) -> Response:
    """Send bytes to the control socket; the answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(site.root / "edge" / "control" / "control.sock"))
        connection.sendall(data)
        return Reader(connection).response()


def ask(site: Site, method: str, path: str) -> Response:
    return talk(site, f"{method} {path} HTTP/1.0\r\n\r\n".encode())


def test_status(site: Site) -> None:
    """JSON out: the generation, the apps, the workers."""
    site.serve()
    told = ask(site, "GET", "/status").json
    assert told["apps"]["app"] == {
        "mode": "open",
        "effective": "open",
        "in_flight": {"a": 0, "b": 0},
        "long": {"a": 0, "b": 0},
        "waiting": 0,
        "oldest_wait": 0,
        "down": False,
    }
    assert len(told["workers"]) == 1
    assert told["generation"] == json.loads(gates_file(site).read_text())["generation"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/refresh"), ("POST", "/status"), ("DELETE", "/status"), ("GET", "/x")],
)
def test_what_it_does_not_know(site: Site, method: str, path: str) -> None:
    """Anything else is a 404 that says what there is."""
    response = ask(site, method, path)
    assert response.status == 404
    assert "POST /refresh" in response.json["error"]


@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\n\r\n",
        b"hold app now\r\n\r\n",
        b"GET /status?app=" + b"a" * 100_000 + b" HTTP/1.0\r\n\r\n",
        b"GET /status?app=%00%ff%7b HTTP/1.0\r\n\r\n",
        b"POST /refresh HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\n{",
        bytes(range(256)) * 10,
    ],
    ids=["empty", "words", "long", "bytes", "half", "binary"],
)
def test_garbage(site: Site, data: bytes) -> None:
    """Nothing that is sent to it does harm."""
    site.serve()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        connection.connect(str(site.root / "edge" / "control" / "control.sock"))
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert site.effective() is Mode.OPEN
    assert site.ask("/").status == 200


def test_nobody_else_gets_in(site: Site) -> None:
    """Another user can reach neither the control socket nor the list of what is counted."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv: apt-get install util-linux")
    home = site.root / "edge"
    assert (home / "control").stat().st_mode & 0o077 == 0
    script = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])"
    path = str(home / "control" / "control.sock")
    for user, allowed in (("nobody", False), ("root", True)):
        done = subprocess.run(
            [
                "setpriv",
                f"--reuid={user}",
                "--clear-groups",
                "/usr/bin/python3",
                "-c",
                script,
                path,
            ],
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert (done.returncode == 0) is allowed, done.stderr
        assert allowed or b"PermissionError" in done.stderr
    board = home / "run" / "board"
    assert board.stat().st_mode & 0o077 == 0


def test_not_over_the_network(site: Site) -> None:
    """The port that visitors reach has no such pages, whatever host they name."""
    site.serve()
    for host in ("edge", "localhost", "127.0.0.1", ""):
        assert site.ask("/status", host=host).status in (400, 404)
    assert site.ask("/status").text == "/status"


def test_no_answer(site: Site) -> None:
    """Without nginx the error says what starts it; the gate is told all the same."""
    site.serve()
    site.edge.stop()
    with pytest.raises(EdgeError, match="does not answer") as caught:
        site.edge.status()
    assert caught.value.hint
    with pytest.raises(EdgeError, match="does not answer"):
        site.hold()
    site.edge.ensure()
    assert site.effective() is Mode.HOLD
    site.open()


def test_clients_at_the_same_time(sites: SiteFactory) -> None:
    """Many processes change many gates: none is lost, the generation grows by one for each."""
    site = sites(workers=2)
    names = [f"app{i}" for i in range(4)]
    for name in names:
        site.configure(name)
    before = json.loads(gates_file(site).read_text())["generation"]
    backend = site.backend()
    failures: list[BaseException] = []

    def change(name: str) -> None:
        edge = Edge(Layout(site.root))
        try:
            for i in range(15):
                edge.hold(name, 60 + i)
                assert edge.status(name)[0].effective is Mode.HOLD
                edge.open(name, site.target(backend, "a" if i % 2 else "b", f"{name}-{i}"))
                assert edge.status(name)[0].effective is Mode.OPEN
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    threads = [threading.Thread(target=change, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    value = json.loads(gates_file(site).read_text())
    assert value["generation"] == before + 4 * 15 * 2
    for name in names:
        gate = value["apps"][name]
        assert (gate["target"]["release"], gate["previous"]["release"]) == (
            f"{name}-14",
            f"{name}-13",
        )
        assert site.ask("/", host=f"{name}.test").status == 200
    assert ask(site, "GET", "/status").json["generation"] == value["generation"]


def test_damaged_file(site: Site) -> None:
    """A file that makes no sense is refused with its name; what is known goes on."""
    site.serve()
    good = gates_file(site).read_text()
    gates_file(site).write_text(good[: len(good) // 2])
    with pytest.raises(EdgeError, match=r"gates\.json"):
        site.hold()
    assert ask(site, "POST", "/refresh").status == 500
    assert site.ask("/still").text == "/still"
    gates_file(site).write_text(good)
    site.hold()
    assert site.effective() is Mode.HOLD
    site.open()
    site.forget_log()


def test_file_from_a_backup(site: Site) -> None:
    """A file with a lower generation is believed: it is the truth."""
    site.serve()
    early = gates_file(site).read_text()
    for _ in range(3):
        site.hold()
    gates_file(site).write_text(early)
    assert ask(site, "POST", "/refresh").status == 200
    assert site.effective() is Mode.OPEN
    assert site.ask("/").status == 200
    site.hold()
    assert site.effective() is Mode.HOLD
    site.open()


def test_all_workers_have_heard(sites: SiteFactory) -> None:
    """When `hold` has returned, no worker lets a request through."""
    site = sites(workers=3)
    backend = site.serve()
    clients = [site.client() for _ in range(30)]
    for _ in range(10):
        site.hold()
        seen = backend.accepted
        for client in clients:
            client.send("/held")
        site.waiting(30)
        assert backend.accepted == seen
        site.open()
        for client in clients:
            assert client.read().status == 200


def gates_file(site: Site) -> Path:
    return site.root / "edge" / "gates.json"
