"""A bare server to both example apps on HTTPS, twice over; what a deploy takes besides the boot.

For Debian 12 and 13 (tests/machines), from this machine over SSH, with Pebble as the CA:
``holdfast server setup``, ``holdfast deploy`` of each app, and set-up again before and after.

``setup_less_download_s`` is the wall time of ``server setup --yes`` less what apt took to fetch
lists and packages, of the two releases the slower; ``second_run_changes`` what the other runs of it
changed. ``deploy_overhead_s`` is the wall time of ``holdfast deploy`` of flask-notes with a line
changed, by the admin and through sudo, less the app's own boot: the same command in the same
environment on the server, from its start to its first 200, measured by ``holdfast run`` in the
same round; the median of the rounds, of the two releases the slower.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.harness import BenchError, Results, middle, say, scratch
from tests.acme import Pebble
from tests.machines.bed import Bed
from tests.machines.setting_up import Ended, keep_packages, lend_packages
from tests.machines.zero import LONGEST, NOTES, POLLS, Laptop, Site, public_ca

ROUNDS = 5
RELEASES = ("12", "13")

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
                    asking.sendall(b"GET / HTTP/1.0\\r\\nHost: SITE\\r\\n\\r\\n")
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


@dataclass(frozen=True, slots=True)
class Taken:
    """What one release of Debian took; seconds.

    Attributes:
        live: from the first command to both apps on HTTPS, all downloads included.
    """

    setup: float
    live: float
    changes: int
    overhead: float
    boot: float


def run(rounds: int) -> Results:
    """Both releases, one after the other."""
    with Bed() as bed, scratch() as home, public_ca(bed, home / "ca") as ca:
        every = [_release(bed, ca, home / release, release, rounds) for release in RELEASES]
    apart = {
        f"debian{release}_{name}": value
        for release, one in zip(RELEASES, every, strict=True)
        for name, value in (("setup_less_download_s", one.setup), ("overhead_s", one.overhead))
    }
    return {
        "setup_less_download_s": max(one.setup for one in every),
        "second_run_changes": sum(one.changes for one in every),
        "deploy_overhead_s": max(one.overhead for one in every),
        "deploy_boot_s": max(one.boot for one in every),
        "bare_to_https_s": max(one.live for one in every),
        **apart,
    }


def _release(bed: Bed, ca: Pebble, home: Path, release: str, rounds: int) -> Taken:
    home.mkdir()
    with bed.machine(release) as machine:
        laptop = Laptop(machine, ca, home)
        lend_packages(machine)
        laptop.prepare()
        laptop.point(NOTES, POLLS)
        machine.boot()
        machine.wait_for_boot()
        began = time.monotonic()
        setup = _set_up(laptop)
        keep_packages(machine)
        for site in (NOTES, POLLS):
            _live(laptop, site)
        live = round(time.monotonic() - began, 1)
        say(f"  Debian {release}: set up in {setup:.1f} s without downloads, live after {live} s")
        changes = sum(len(_done(laptop.setup()).last["result"]["changed"]) for _ in range(2))
        overhead, boot = _overhead(laptop, rounds)
        changes += len(_done(laptop.setup()).last["result"]["changed"])
        return Taken(setup, live, changes, overhead, boot)


def _set_up(laptop: Laptop) -> float:
    """The first run; seconds less those of apt's downloads."""
    began = time.monotonic()
    downloading = float(_done(laptop.setup()).last["result"]["downloading_s"])
    return round(time.monotonic() - began - downloading, 2)


def _live(laptop: Laptop, site: Site) -> None:
    """Deploy a site and see it on HTTPS."""
    ended = _done(laptop.deploy(site))
    try:
        answer = laptop.visit(site)
    except OSError as error:
        said = f"the deploy said: {ended.text[-1500:]}"
        raise BenchError(f"{site.host} by HTTPS: {error}; {said}") from error
    if answer.status != 200 or answer.headers.get("x-app-version") != laptop.version():
        raise BenchError(f"{site.host} by HTTPS: {answer.status} {answer.headers}")


def _done(ended: Ended) -> Ended:
    if ended.code:
        raise BenchError(f"status {ended.code}: {ended.text[-800:]}")
    return ended


def _overhead(laptop: Laptop, rounds: int) -> tuple[float, float]:
    """The medians of a deploy's seconds less the boot's, and of the boot's."""
    overheads, boots = [], []
    _done(laptop.deploy(NOTES))  # the agent's modules are compiled from here on
    for index in range(rounds):
        boot = _boot(laptop)
        whole, steps = _deploy(laptop)
        overheads.append(whole - boot)
        boots.append(boot)
        shown = ", ".join(f"{name} {taken:.2f}" for name, taken in steps.items())
        say(f"  round {index + 1}/{rounds}: {whole:.2f} s, boot {boot:.2f} s: {shown}")
    return middle(overheads, 2), middle(boots, 2)


def _deploy(laptop: Laptop) -> tuple[float, Mapping[str, float]]:
    """A deploy of a changed line; seconds, and those of each step that took some."""
    folder = laptop.change(NOTES)
    began = time.monotonic()
    ended = _done(laptop.holdfast(folder, "deploy", "--strategy", "handover"))
    whole = time.monotonic() - began
    events = [json.loads(line) for line in ended.text.splitlines() if line.startswith("{")]
    done = (item for item in events if item.get("event") == "step.done")
    return whole, {item["step"]: item["seconds"] for item in done if item["seconds"] >= 0.02}


def _boot(laptop: Laptop) -> float:
    running = laptop.start(
        laptop.folder(NOTES), "run", "--", "python", "-c", _BOOT.replace("SITE", NOTES.host)
    )
    said, _ = running.communicate(timeout=LONGEST)
    for line in said.splitlines():
        if line.startswith('{"boot"'):
            value: dict[str, Any] = json.loads(line)
            return float(value["boot"])
    raise BenchError(f"the app does not boot by itself: {said[-500:]}")
