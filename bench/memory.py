"""Idle memory of all that is ours besides the app: nginx and supervisord, with 1 and 50 apps."""

from __future__ import annotations

import time
from pathlib import Path

from bench.harness import BenchError, Results, children, proportional_memory, say, scratch
from demo.place import CommandError, Place, place
from holdfast.layout import Layout
from holdfast.runtimes.supervisor.starter import running_pid

ROUNDS = 1
MANY = 50

APP = """
[web]
command = "exec python3 -m http.server --bind 127.0.0.1 $PORT"
listen = "port"
"""
"""The smallest app there is; its own memory does not count."""


def run(rounds: int) -> Results:
    """Memory does not vary between rounds: one is measured, whatever is asked for."""
    with scratch() as source, place() as here:
        (source / "holdfast.toml").write_text(APP)
        first = _deploy(here, source, 1)
        alone = _ours(here)
        say(f"  1 app: {alone:.1f} MB ({first:.1f} s to deploy it)")
        for number in range(2, MANY + 1):
            seconds = _deploy(here, source, number)
        many = _ours(here)
        say(f"  {MANY} apps: {many:.1f} MB ({seconds:.1f} s to deploy the last)")
    return {"idle_mb_1": round(alone, 1), f"idle_mb_{MANY}": round(many, 1)}


def _deploy(here: Place, source: Path, number: int) -> float:
    deployed = here.deploy(source, f"idle-{number}")
    if deployed.outcome != "succeeded":
        raise BenchError(f"the app was not deployed: {deployed.error}")
    return deployed.seconds


def _ours(here: Place) -> float:
    """Megabytes of nginx and supervisord, once what a deploy leaves behind has ended."""
    heads = _heads(here)
    deadline = time.monotonic() + 30
    before: list[list[int]] = []
    while (now := [sorted(_tree(head)) for head in heads.values()]) != before:
        if time.monotonic() > deadline:
            raise BenchError("processes still come and go, 30 s after the last deploy")
        before = now
        time.sleep(2)
    sizes = [proportional_memory(pids) / 1024 / 1024 for pids in now]
    parts = zip(heads, now, sizes, strict=True)
    say("  " + ", ".join(f"{name} {size:.1f} MB in {len(pids)}" for name, pids, size in parts))
    return sum(sizes)


def _heads(here: Place) -> dict[str, int]:
    """The first process of nginx and of supervisord."""
    try:
        answer = here.holdfast("status")[-1]["result"]
    except CommandError as error:
        raise BenchError(f"holdfast status: {error}") from error
    supervisord = running_pid(Layout(here.root))
    if supervisord is None or not answer["edge"]["pid"]:
        raise BenchError("supervisord or nginx does not run")
    return {"supervisord": supervisord, "nginx": answer["edge"]["pid"]}


def _tree(head: int) -> list[int]:
    """A process and those below it, less the app's."""
    pids = [head, *children(head)]
    return [pid for pid in pids if b"http.server" not in _command_line(pid)]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended meanwhile
        return b""
