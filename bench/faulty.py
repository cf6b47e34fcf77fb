"""A server, an app on it, and what can happen to a deploy."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from bench.harness import BenchError, children, scratch
from examples.variants import make_variant
from holdfast.errors import TransportError
from load import Account, Load, Profile, account
from load.sites import Notes
from tests.machines.bed import Bed
from tests.machines.machine import Machine

APP, EXAMPLE, HOST = "notes", "flask-notes", "notes.example.test"
RATE = 10.0
LONGEST = 120.0
LONGEST_FIRST = 400.0
"""Seconds; the first deploy fetches uv and every dependency."""

CLOCK = "/etc/faketime.rc"
"""On a server: by how many seconds its clock is wrong, for :meth:`Faulty.fake_clock`."""

_SEEN = 1
"""Seconds after which everybody has seen that the clock has jumped."""

_POLL = 0.05
_ROOT = "var/lib/holdfast"
_FILLER = "/var/lib/holdfast/filler"


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, and where it meets the deploy."""

    name: str
    strategy: str
    step: str

    def __str__(self) -> str:
        return f"{self.name}, {self.strategy}, before {self.step}"


def holdfast(machine: Machine, app: str, *words: str, directory: Path) -> subprocess.Popen[str]:
    """A command about an app on a server, as root, which runs on."""
    where = ("--server", machine.name, "--name", app)
    kept = {key: value for key, value in os.environ.items() if key[:9] != "HOLDFAST_"}
    return subprocess.Popen(
        [sys.executable, "-m", "holdfast", words[0], *where, *words[1:]],
        cwd=directory,
        env={**kept, "HOLDFAST_SSH_CONFIG": str(machine.ssh_config)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


class Guests:
    """Visitors of the app, for the time of a case."""

    def __init__(self, address: str) -> None:
        self._site = Notes()
        self._profile = Profile(HOST, 80, RATE, seconds=400.0, address=address)
        self._load = Load(self._profile, self._site)

    def __enter__(self) -> Guests:
        self._load.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._load.stop()

    def account(self, fault: str) -> Account:
        """What they saw. Where the server was gone for a while, no failure counts; where its
        disk was full, the app's own 500s do not: it had no room for what it was told to keep."""
        run = self._load.run
        seen = account(run, [], self._site.stored(self._profile))
        if fault in ("power cut", "cable cut"):
            return replace(seen, failed=0, errors={})
        own = sum(record.status == HTTPStatus.INTERNAL_SERVER_ERROR for record in run.records)
        return replace(seen, failed=seen.failed - own) if fault == "disk full" else seen


class Faulty:
    """One server and the laptop that deploys to it."""

    def __init__(self, machine: Machine, home: Path) -> None:
        self.machine = machine
        self._home = home
        self._version = 0
        self._offset = 0
        self._root = machine.root / _ROOT
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """Something of a case has ended."""
        self.laps[name] = time.monotonic()

    def shown_laps(self, began: float) -> str:
        """How long each took since the one before it ended."""
        ends = [began, *self.laps.values()]
        taken = (end - start for start, end in itertools.pairwise(ends))
        return ", ".join(f"{name} {one:.1f}" for name, one in zip(self.laps, taken, strict=True))

    def visitors(self) -> Guests:
        return Guests(str(self.machine.address))

    def steps(self, strategy: str) -> list[str]:
        """Deploy without a fault; the engine's steps in order."""
        laptop = self._deploy(strategy)
        said, _ = laptop.communicate(timeout=LONGEST_FIRST)
        events = [json.loads(line) for line in said.splitlines()]
        if "result" not in events[-1]:
            raise BenchError(f"a deploy without a fault failed: {events[-1]}")
        named = [item["step"] for item in events if item.get("event") == "step.started"]
        return [name for name in dict.fromkeys(named) if name not in ("pack", "upload")]

    # -- faults; each says what is wrong, or nothing

    def cut_connection(self, case: Case) -> str:
        """ssh is gone in the middle; the command says so, the deploy goes on."""
        laptop = self._until(case)
        for pid in children(laptop.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        said, _ = laptop.communicate(timeout=LONGEST)
        self._go_on()
        if laptop.returncode != TransportError.exit_code:
            return f"the command ended with {laptop.returncode}: {said[-300:]}"
        return self._succeeded()

    def kill_laptop(self, case: Case) -> str:
        """The command is killed; nobody follows."""
        laptop = self._until(case)
        laptop.kill()
        laptop.communicate(timeout=LONGEST)
        self._go_on()
        return self._succeeded()

    def cut_cable(self, case: Case) -> str:
        """The network is silent for some seconds, and the command with it."""
        laptop = self._until(case)
        self.machine.cut_network()
        try:
            self._go_on()
            time.sleep(3)
            laptop.kill()
            laptop.communicate(timeout=LONGEST)
        finally:
            self.machine.restore_network()
        return self._succeeded()

    def cut_power(self, case: Case) -> str:
        """The server is off, and on again; the old release or the new one serves."""
        laptop = self._until(case)
        self.machine.crash()
        laptop.kill()
        laptop.communicate(timeout=LONGEST)
        self._go_on()
        self.machine.boot()
        self.machine.wait_for_boot()
        self.lap("boot")
        self._wait(self._serves, "the site does not serve after the boot")
        self.lap("serves")
        self._wait(lambda: self._last()["outcome"] is not None, "the deploy does not end")
        return ""

    def kill_engine(self, case: Case) -> str:
        """The engine is killed; systemd starts it again, and it undoes or finishes the deploy."""
        laptop = self._until(case)
        engine = ("systemctl", "show", "--property=MainPID", "--value", f"holdfast-engine-{APP}")
        pid = int(self.machine.ssh(*engine).stdout)
        self.machine.ssh("kill", "-KILL", str(pid))
        self._go_on()
        said, _ = laptop.communicate(timeout=LONGEST)
        self.lap("told")
        self._wait(self._serves, "the site does not serve")
        self._wait(lambda: self._last()["outcome"] is not None, "the deploy does not end")
        told = '"outcome"' in said
        return "" if told else f"the command does not say how it ended: {said[-300:]}"

    def clock_ahead(self, case: Case) -> str:
        """The clock jumps an hour on; nothing comes of it."""
        return self._jump(case, 3600)

    def clock_back(self, case: Case) -> str:
        """The clock jumps an hour back; nothing comes of it."""
        return self._jump(case, -3600)

    def _jump(self, case: Case, seconds: int) -> str:
        laptop = self._until(case)
        clock = self.machine.root / CLOCK.lstrip("/")
        beside = clock.with_suffix(".new")
        beside.write_text(f"{self._offset + seconds:+d}\n")
        beside.replace(clock)
        self._offset += seconds
        time.sleep(2 * _SEEN)
        self._go_on()
        said, _ = laptop.communicate(timeout=LONGEST)
        return self._succeeded() or ("" if laptop.returncode == 0 else said[-300:])

    def fake_clock(self) -> None:
        """Give systemd's services, and logins, a clock of their own, until the next boot.

        A container's clock is the machine's, which is nobody's to set: nginx, the engine and every
        command of ours take theirs from libfaketime instead. Not the app: in its threads the
        library leaves files open until there are no more.
        """
        self.machine.ssh(
            *("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "libfaketime"),
            timeout=LONGEST_FIRST,
        )
        root = self.machine.root
        (root / CLOCK.lstrip("/")).write_text("+0\n")
        for slot in ("a", "b"):
            drop_in = root / f"etc/systemd/system/holdfast-{APP}.web.{slot}.service.d/clock.conf"
            drop_in.parent.mkdir()
            drop_in.write_text("[Service]\nUnsetEnvironment=LD_PRELOAD\n")
        library = self.machine.ssh("sh", "-c", "ls /usr/lib/*/faketime/libfaketime.so.1").stdout
        variables = {
            "LD_PRELOAD": library.strip(),
            "FAKETIME_TIMESTAMP_FILE": CLOCK,
            "FAKETIME_CACHE_DURATION": str(_SEEN),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        words = [f"{name}={value}" for name, value in variables.items()]
        self.machine.ssh("systemctl", "daemon-reload")
        self.machine.ssh("systemctl", "set-environment", *words)
        with (root / "etc/environment").open("a") as file:
            file.writelines(f'{name}="{value}"\n' for name, value in variables.items())
        self.machine.ssh("sh", "-c", "systemctl restart 'holdfast-*.service'", timeout=LONGEST)
        self._wait(self._serves, "the site does not serve with a clock of its own")

    def full_disk(self, case: Case) -> str:
        """No room at a place: the old release serves, and with room the next deploy succeeds."""
        before = self._release()
        if case.step == "upload":
            self._fill()
            laptop = self._deploy(case.strategy)
        else:
            laptop = self._until(case)
            self._fill()
            self._go_on()
        try:
            said, _ = laptop.communicate(timeout=LONGEST)
        finally:
            self.machine.ssh("rm", "-f", _FILLER)
        if laptop.returncode and self._release() != before:
            return f"failed, and yet {self._release()} serves: {said[-300:]}"
        self._wait(self._serves, "the site does not serve")
        after = self._deploy(case.strategy)
        said, _ = after.communicate(timeout=LONGEST)
        return "" if after.returncode == 0 else f"no deploy after it: {said[-300:]}"

    def _fill(self) -> None:
        self.machine.ssh("sh", "-c", f"cat /dev/zero > {_FILLER}", check=False, timeout=LONGEST)

    # -- parts

    def _deploy(self, strategy: str) -> subprocess.Popen[str]:
        self._version += 1
        source = make_variant(EXAMPLE, "plain", self._home / APP, str(self._version))
        words = ("deploy", "--strategy", strategy, "--domain", HOST, "--json")
        return self._holdfast(*words, directory=source)

    def _holdfast(self, *words: str, directory: Path) -> subprocess.Popen[str]:
        return holdfast(self.machine, APP, *words, directory=directory)

    def _until(self, case: Case) -> subprocess.Popen[str]:
        """A deploy whose engine waits before the step."""
        reached = self._root / "failpoint.reached"
        reached.unlink(missing_ok=True)
        (self._root / "failpoint").write_text(f"wait before:{case.step}")
        laptop = self._deploy(case.strategy)
        deadline = time.monotonic() + LONGEST
        while not reached.exists():
            if laptop.poll() is not None or time.monotonic() > deadline:
                (self._root / "failpoint").unlink(missing_ok=True)
                laptop.kill()
                raise BenchError(f"the deploy did not come to {case.step}: {laptop.communicate()}")
            time.sleep(_POLL)
        self.lap("to the step")
        return laptop

    def _go_on(self) -> None:
        (self._root / "failpoint.reached").unlink(missing_ok=True)

    def _succeeded(self) -> str:
        self._wait(lambda: self._last()["outcome"] is not None, "the deploy does not end")
        last = self._last()
        return "" if last["outcome"] == "succeeded" else f"ended as {last['outcome']}: {last}"

    def _status(self) -> dict[str, Any]:
        asked = self._holdfast("status", "--json", directory=self._home)
        said, _ = asked.communicate(timeout=LONGEST)
        answer = json.loads(said.splitlines()[-1])
        if "result" not in answer:
            raise BenchError(f"status: {answer}")
        app: dict[str, Any] = answer["result"]["apps"][0]
        return app

    def _last(self) -> dict[str, Any]:
        last: dict[str, Any] = self._status()["last_deploy"]
        return last

    def _release(self) -> str:
        return str(self._status()["release"])

    def _serves(self) -> bool:
        site = Notes()
        try:
            site.stored(Profile(HOST, 80, 1.0, address=str(self.machine.address)))
        except (OSError, RuntimeError):
            return False
        return True

    def _wait(self, done: Callable[[], bool], problem: str) -> None:
        deadline = time.monotonic() + LONGEST
        while not done():
            if time.monotonic() > deadline:
                raise BenchError(problem)
            time.sleep(_POLL)


@contextmanager
def fault_server(release: str = "12", megabytes: int = 900) -> Iterator[Faulty]:
    """A prepared server with a disk that can be filled, the app live on it."""
    with Bed() as bed, bed.machine(release, prepared=True) as machine, scratch() as home:
        machine.small_disk("/var/lib/holdfast", megabytes)
        machine.boot()
        machine.wait_for_boot()
        yield Faulty(machine, home)
