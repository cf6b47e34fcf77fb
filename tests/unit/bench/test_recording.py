"""The backend that writes down the order of its calls, as a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

from bench.harness import ROOT
from bench.proxies import connect, running


@pytest.fixture
def backend(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Its address."""
    monkeypatch.chdir(ROOT)
    address = f"unix:{short_path / 'b.sock'}"
    argv = [sys.executable, "-m", "bench.recording", str(short_path / "b.sock")]
    with running(argv, address, log=short_path / "log"):
        yield address


def ask(connection: socket, target: object) -> bytes:
    connection.sendall(b"GET /%s HTTP/1.1\r\n\r\n" % str(target).encode())
    return connection.recv(65536).partition(b"\r\n\r\n")[2]


def test_calls_are_answered_and_written_down_in_order(backend: str) -> None:
    """On kept connections and on new ones, whatever their numbers."""
    with connect(backend) as kept:
        assert ask(kept, 7) == b"7"
        for number in (3, 9):
            with connect(backend) as fresh:
                assert ask(fresh, number) == b"%d" % number
        assert ask(kept, 1) == b"1"
        assert json.loads(ask(kept, "calls")) == [7, 3, 9, 1]


def test_a_connection_may_be_opened_long_before_it_asks(backend: str) -> None:
    """The order is that of the requests, not of the connections."""
    with connect(backend) as first, connect(backend) as second:
        assert [ask(second, 2), ask(first, 1)] == [b"2", b"1"]
        assert json.loads(ask(first, "calls")) == [2, 1]
