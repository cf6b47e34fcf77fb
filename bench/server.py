"""A server over SSH: what a code-only deploy of flask-notes takes besides the app's boot.

``deploy_overhead_s`` is the wall time of ``holdfast deploy`` on this machine, to a Debian 12
server (tests/machines), less the app's own boot: the same command in the same environment on
the server, from its start to its first 200, measured by ``holdfast run`` in the same round.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from bench.faulty import LONGEST, Faulty, fault_server
from bench.harness import BenchError, Results, middle, say

ROUNDS = 5

_BOOT = """
import json, os, pathlib, signal, socket, subprocess, tempfile, time
here = pathlib.Path.cwd()
while not (here / "release.json").exists():
    here = here.parent
command = json.loads((here / "release.json").read_text())["spec"]["web"]["command"]
with tempfile.TemporaryDirectory() as home:
    path = f"{home}/s"
    started = time.monotonic()
    web = subprocess.Popen(["/bin/sh", "-c", command], env={**os.environ, "HOLDFAST_SOCKET": path},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True)
    try:
        while time.monotonic() < started + 60:
            try:
                with socket.socket(socket.AF_UNIX) as asking:
                    asking.connect(path)
                    asking.sendall(b"GET / HTTP/1.0\\r\\nHost: notes.example.test\\r\\n\\r\\n")
                    if asking.recv(64).split(b" ")[1:2] == [b"200"]:
                        print(json.dumps({"boot": time.monotonic() - started}))
                        break
            except OSError:
                pass
            time.sleep(0.005)
    finally:
        os.killpg(web.pid, signal.SIGKILL)
        web.wait()
"""


def run(rounds: int) -> Results:
    """The median of the rounds."""
    overheads, boots = [], []
    with fault_server() as server:
        server.steps("handover")
        server.steps("handover")  # the agent's modules are compiled from here on
        for index in range(rounds):
            boot = _boot(server)
            whole, steps = _deploy(server)
            overheads.append(whole - boot)
            boots.append(boot)
            shown = ", ".join(f"{name} {taken:.2f}" for name, taken in steps.items())
            say(f"  round {index + 1}/{rounds}: {whole:.2f} s, boot {boot:.2f} s: {shown}")
    return {"deploy_overhead_s": middle(overheads, 2), "deploy_boot_s": middle(boots, 2)}


def _deploy(server: Faulty) -> tuple[float, Mapping[str, float]]:
    """A deploy of a changed line; seconds, and those of each step that took some."""
    source = server.next_version()
    began = time.monotonic()
    laptop = server.start_deploy(source, "handover")
    said, _ = laptop.communicate(timeout=LONGEST)
    whole = time.monotonic() - began
    if laptop.returncode:
        raise BenchError(f"the deploy failed: {said[-500:]}")
    events = [json.loads(line) for line in said.splitlines()]
    done = (item for item in events if item.get("event") == "step.done")
    return whole, {item["step"]: item["seconds"] for item in done if item["seconds"] >= 0.02}


def _boot(server: Faulty) -> float:
    said = server.ran("run", "--", "python", "-c", _BOOT)
    for line in said.splitlines():
        if line.startswith('{"boot"'):
            value: dict[str, Any] = json.loads(line)
            return float(value["boot"])
    raise BenchError(f"the app does not boot by itself: {said[-500:]}")
