from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from starlette.testclient import TestClient, WebSocketTestSession

from live import VERSION
from live.app import app
from live.hub import BACKLOG, Hub, Message

HERE = Path(__file__).parent.parent


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


def heard(websocket: WebSocketTestSession, kind: str) -> dict[str, object]:
    while (message := websocket.receive_json())["kind"] != kind:
        pass
    return message


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/live.js", "/nowhere"])
def test_every_answer_names_the_version(client: TestClient, path: str) -> None:
    assert client.get(path).headers["X-App-Version"] == VERSION


def test_the_page_loads_its_script(client: TestClient) -> None:
    assert "/static/live.js" in client.get("/").text
    assert "EventSource" in client.get("/static/live.js").text


def test_everybody_hears_what_one_says(client: TestClient) -> None:
    with client.websocket_connect("/talk") as ada, client.websocket_connect("/talk") as bob:
        assert heard(ada, "hello")["version"] == VERSION
        ada.send_text("  hello  ")
        ada.send_text("   ")
        bob.send_text("x" * 600)
        for one in (ada, bob):
            assert heard(one, "said")["text"] == "hello"
            assert heard(one, "said")["text"] == "x" * 500


def test_who_leaves_is_not_counted(client: TestClient) -> None:
    with client.websocket_connect("/talk") as ada:
        assert heard(ada, "people")["people"] == 1
        with client.websocket_connect("/talk"):
            assert heard(ada, "people")["people"] == 2
        assert heard(ada, "people")["people"] == 1


def test_who_does_not_read_is_let_go() -> None:
    async def scene() -> list[Message]:
        hub = Hub()
        with hub.listen() as listener:
            for number in range(BACKLOG + 1):
                hub.say(Message("said", {"text": str(number)}))
            assert hub.people == 0
            return [message async for message in listener]

    assert asyncio.run(scene()) == []


@pytest.fixture
def server() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The app under its real server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        run = [sys.executable, "-m", "uvicorn", "--fd", str(listener.fileno()), "live.app:app"]
        process = subprocess.Popen(run, cwd=HERE, pass_fds=[listener.fileno()])
        host, port = listener.getsockname()
        yield process, f"http://{host}:{port}"
    if process.poll() is None:
        process.kill()
    process.wait()


def test_events_come_in_order_until_the_server_is_stopped(
    server: tuple[subprocess.Popen[bytes], str],
) -> None:
    """A stream would keep the server from stopping; the app ends it, so the stop is quick."""
    process, url = server
    kinds, ticks = [], []
    with httpx2.stream("GET", f"{url}/events", timeout=10) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            if line.startswith("data: ") and kinds[-1] == "tick":
                ticks.append(json.loads(line.removeprefix("data: "))["number"])
            if len(ticks) == 2:
                os.kill(process.pid, signal.SIGTERM)
                stopped = time.monotonic()
    assert kinds[0] == "hello"
    assert ticks[1] == ticks[0] + 1
    process.wait(timeout=5)
    assert time.monotonic() - stopped < 2
