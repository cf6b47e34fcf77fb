"""Ten thousand connections held in line, then released into a backend that answers at once.

A crowd (:mod:`bench.crowd`) opens the connections and sends on each, one after the other;
when the edge says that all wait, the gate is opened, and a backend (:mod:`bench.recording`)
writes down the order in which it is called. Done with one nginx worker and with two. Order:
with one worker strictly that of sending, with two nobody after someone sent 25 ms later.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import proxies
from bench.crowd import Seen, enough_files
from bench.harness import ROOT, BenchError, Results, say, scratch
from bench.ours import APP, HOST, Ours, our_edge
from holdfast.app import Edge as EdgeOptions
from load.order import TOLERANCE, Call, called_late

ROUNDS = 3
CONNECTIONS = 10_000
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Round:
    """One crowd, held and released.

    Attributes:
        held: how many the edge said were waiting before the gate was opened.
        failed: visitors without their one right answer, or called twice.
        kb_each: kB by which nginx's processes grew, for each that was held.
        release_last_ms: from telling the edge to open to the last answer read.
    """

    held: int
    failed: int
    out_of_order: int
    kb_each: float
    release_last_ms: float


def run(rounds: int) -> Results:
    """The worst of all rounds for what must not happen; medians for memory and time."""
    enough_files(CONNECTIONS)
    results: Results = {}
    by_workers = {}
    for workers in (1, 2):
        taken = []
        for index in range(rounds):
            one = _round(workers)
            taken.append(one)
            say(f"  {workers} worker(s), round {index + 1}/{rounds}: {one}")
        by_workers[workers] = _summed(taken)
    for name in by_workers[1]:
        worst = min if name == "held" else max
        results[name] = worst(by_workers[1][name], by_workers[2][name])
    for workers, summed in by_workers.items():
        results |= {f"{name}_{workers}_workers": value for name, value in summed.items()}
    return results


def _summed(taken: Sequence[Round]) -> dict[str, float | int]:
    return {
        "held": min(one.held for one in taken),
        "failed": max(one.failed for one in taken),
        "out_of_order": max(one.out_of_order for one in taken),
        "kb_each": round(statistics.median(one.kb_each for one in taken), 2),
        "release_last_ms": round(statistics.median(one.release_last_ms for one in taken), 1),
    }


def _round(workers: int) -> Round:
    options = EdgeOptions(max_line=CONNECTIONS, max_wait=90)
    with scratch() as home:
        address = f"unix:{home / 'backend.sock'}"
        recording: list[str | Path] = [
            sys.executable,
            "-m",
            "bench.recording",
            home / "backend.sock",
        ]
        (home / "r").mkdir()
        with (
            proxies.running(recording, address, log=home / "recording.log"),
            our_edge(home / "r", proxies.free_port(), address, options, workers=workers) as ours,
        ):
            return _hold_and_release(ours, home, address, workers)


def _hold_and_release(ours: Ours, home: Path, address: str, workers: int) -> Round:
    _warm_up(ours)
    ours.edge.hold(APP, None)
    before = ours.memory()
    seen_file = home / "seen.json"
    crowd = subprocess.Popen(
        [sys.executable, "-m", "bench.crowd", str(ours.port), HOST, str(CONNECTIONS), seen_file],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    try:
        assert crowd.stdout is not None
        if crowd.stdout.readline().strip() != "waiting":
            raise BenchError("the crowd could not come; its error is above")
        held = _all_waiting(ours)
        grown = ours.memory() - before
        opened = time.monotonic()
        ours.edge.open(APP)
        crowd.wait(_PATIENCE + 30)
    finally:
        crowd.kill()
        crowd.wait()
    seen: list[Seen] = json.loads(seen_file.read_text())
    calls = _calls(address)
    return Round(
        held=held,
        failed=sum(not right for _, _, right in seen) + len(calls) - len(set(calls)),
        out_of_order=_out_of_order(calls, seen, workers),
        kb_each=grown / 1024 / CONNECTIONS,
        release_last_ms=1000 * (max(answered for _, answered, _ in seen) - opened),
    )


def _warm_up(ours: Ours) -> None:
    """Some requests through the open gate: what a worker needs once is not the crowd's."""
    for _ in range(20):
        with proxies.connect(str(ours.port)) as connection:
            connection.sendall(f"GET /warm HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            connection.recv(65536)


def _all_waiting(ours: Ours) -> int:
    """Wait until the edge counts all of them in line; at most ten seconds."""
    deadline, waiting = time.monotonic() + 10, 0
    while time.monotonic() < deadline:
        waiting = ours.edge.status(APP)[0].counts.waiting
        if waiting >= CONNECTIONS:
            break
        time.sleep(0.05)
    return waiting


def _calls(address: str) -> list[int]:
    """The backend's own list: which visitor's request came when."""
    with proxies.connect(address) as connection:
        connection.sendall(b"GET /calls HTTP/1.0\r\n\r\n")
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.rpartition(b"Content-Length: ")[2])
        while len(body) < length:
            body += connection.recv(1 << 20, socket.MSG_WAITALL)
    return [int(number) for number in json.loads(body)]


def _out_of_order(calls: Sequence[int], seen: Sequence[Seen], workers: int) -> int:
    """With one worker the places in the line decide, with more the times of sending."""
    if workers == 1:
        return called_late(Call(number, place) for place, number in enumerate(calls))
    return called_late(
        (Call(seen[number][0], place) for place, number in enumerate(calls)), TOLERANCE
    )
