"""Requests a second through the open gate, against nginx, HAProxy and Caddy.

wrk (one thread, 32 connections) → proxy (one worker or thread) → nginx that answers 200 with
101 bytes at once, over a unix socket with kept-alive connections. Every proxy writes a line
of access log for each request, and all set the same forwarding headers; ours also counts
what is in flight. The contenders take turns. The proxy has to be the limit: it has a core to
itself, load and backend share another, and the share of its core that ours took is in the
results too.
"""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import proxies
from bench.harness import (
    BenchError,
    Results,
    alternate,
    check,
    children,
    middle,
    program,
    ratio,
    scratch,
)
from bench.ours import HOST, our_edge
from holdfast.app import Edge as EdgeOptions

ROUNDS = 21
_TURNS = 2
"""of each contender in a round: there and back."""
_SECONDS = 1
_CONNECTIONS = 32
_TICK = os.sysconf("SC_CLK_TCK")
_CORES = sorted(os.sched_getaffinity(0))
_ON_LOAD = ("taskset", "--cpu-list", str(_CORES[0]))
"""Load and backend share the first core: moved about by the kernel they cost whom they meet."""


@dataclass(slots=True)
class Contender:
    """A proxy that listens; what was measured, round by round.

    Attributes:
        core: share of a core that it took.
        cost: microseconds of processor time for each request.
    """

    name: str
    port: int
    pid: int
    p99: list[float] = field(default_factory=list)
    core: list[float] = field(default_factory=list)
    cost: list[float] = field(default_factory=list)

    def measure(self) -> float:
        """Requests a second."""
        _pin(self.pid)
        spent, started = _cpu(self.pid), time.monotonic()
        size = ("-t1", f"-c{_CONNECTIONS}", f"-d{_SECONDS}s", "--latency")
        url = f"http://127.0.0.1:{self.port}/"
        out = check([*_ON_LOAD, program("wrk"), *size, "-H", f"Host: {HOST}", url])
        if bad := re.search(r"Non-2xx.*|Socket errors.*", out):
            raise BenchError(f"{self.name}: {bad[0]}")
        self.p99.append(_milliseconds(out))
        took = _cpu(self.pid) - spent
        self.core.append(took / (time.monotonic() - started))
        self.cost.append(1e6 * took / int(_found(r"(\d+) requests in", out)))
        return float(_found(r"Requests/sec:\s+([\d.]+)", out))


def run(rounds: int) -> Results:
    """Medians of the rounds' ratios; ``p99`` likewise, of every turn."""
    turns = rounds * _TURNS
    with scratch() as home, _contenders(home) as contenders:
        measure: dict[str, Callable[[], float]] = {one.name: one.measure for one in contenders}
        rates = alternate(rounds, measure, and_back=True)
        by_name = {one.name: one for one in contenders}
    p99 = {name: one.p99[-turns:] for name, one in by_name.items()}
    return {
        "ratio_vs_nginx": ratio(rates["holdfast"], rates["nginx"]),
        "ratio_vs_ten_line_nginx": ratio(rates["holdfast"], rates["ten_line_nginx"]),
        "ratio_vs_haproxy": ratio(rates["holdfast"], rates["haproxy"]),
        "ratio_vs_caddy": ratio(rates["holdfast"], rates["caddy"], 2),
        "p99_ratio_vs_nginx": ratio(p99["holdfast"], p99["nginx"]),
        **{f"{name}_per_s": round(statistics.median(rates[name])) for name in rates},
        **{f"{name}_p99_ms": middle(p99[name], 2) for name in rates},
        **{f"{name}_cpu_us": middle(one.cost[-turns:]) for name, one in by_name.items()},
        "holdfast_core": middle(by_name["holdfast"].core[-turns:], 2),
        "nginx_core": middle(by_name["nginx"].core[-turns:], 2),
    }


@contextmanager
def _contenders(home: Path) -> Iterator[list[Contender]]:
    """All of them started, in front of one backend."""
    argv, address = proxies.backend(home)
    env = {"GOMAXPROCS": "1", "HOME": str(home)}
    peers = {
        "ten_line_nginx": proxies.plain_nginx,
        "haproxy": proxies.haproxy,
        "caddy": proxies.caddy_server,
    }
    with ExitStack() as stack:
        stack.enter_context(proxies.running([*_ON_LOAD, *argv], address, log=home / "backend.log"))
        port = proxies.free_port()
        root = home / "r"
        root.mkdir()
        ours = stack.enter_context(our_edge(root, port, address, EdgeOptions()))
        found = [Contender("holdfast", port, ours.pid)]
        other = proxies.free_port()
        argv = proxies.gateless_nginx(home, root / "edge", (port, other), address)
        log = home / "nginx.log"
        pid = stack.enter_context(proxies.running(argv, str(other), log=log))
        found.append(Contender("nginx", other, pid))
        for name, command in peers.items():
            port = proxies.free_port()
            argv, log = command(home, address, port), home / f"{name}.log"
            pid = stack.enter_context(proxies.running(argv, str(port), log=log, env=env))
            found.append(Contender(name, port, pid))
        yield found


def _pin(pid: int) -> None:
    """Give a proxy, all of its threads, the last core (sched_setaffinity(2) takes a thread)."""
    for one in (pid, *children(pid)):
        for thread in Path(f"/proc/{one}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {_CORES[-1]})


def _cpu(pid: int) -> float:
    """Seconds of processor time of a process and its children (proc_pid_stat(5))."""
    ticks = 0
    for one in (pid, *children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICK


def _milliseconds(out: str) -> float:
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", _found(r"\n +99% +(\S+)", out)).groups()  # type: ignore[union-attr]
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]


def _found(pattern: str, out: str) -> str:
    found = re.search(pattern, out)
    if found is None:
        raise BenchError(f"wrk said something else than expected:\n{out}")
    return found[1]
