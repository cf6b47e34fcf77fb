"""A Holdfast of our own: its root and its port, the real command line, and a clean end."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_COMMAND = 180.0
"""Seconds after which a command is killed."""

OnEvent = Callable[[Mapping[str, Any]], None]


class CommandError(Exception):
    """``holdfast`` ended badly where it should not have."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """How one ``holdfast deploy`` went.

    Attributes:
        outcome: ``succeeded``, ``undone`` or ``failed``.
        began, ended: of the command, by ``time.monotonic()``.
        held: seconds for which requests waited in line; ``held_from`` is when that began,
            by the same clock as ``began``, 0 if they never did.
        steps: seconds by the step's name.
        error: what it said, when it did not succeed.
    """

    outcome: str
    began: float
    ended: float
    held: float
    steps: Mapping[str, float]
    error: str | None = None
    held_from: float = 0.0

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Place:
    """One root directory with its own edge and supervisord.

    Args:
        root: an existing directory with a short path.
        port: where its edge listens.
    """

    def __init__(self, root: Path, port: int) -> None:
        self.root = root
        self.port = port
        self._running: subprocess.Popen[str] | None = None
        self._status: int | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What commands need to work on this place."""
        return {
            **os.environ,
            "HOLDFAST_ROOT": str(self.root),
            "HOLDFAST_PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }

    def address(self, app: str) -> str:
        return f"http://{app}.localhost:{self.port}/"

    def deploy(
        self, source: Path, app: str, *, strategy: str = "auto", on_event: OnEvent | None = None
    ) -> Deployed:
        """Run ``holdfast deploy`` as a person would, and read what it says.

        Raises:
            CommandError: it ended without saying how the deploy ended.
        """
        began = time.monotonic()
        steps: dict[str, float] = {}
        ended: Mapping[str, Any] = {}
        error: str | None = None
        held_from = 0.0
        argv = ("deploy", "--server", "local", "--name", app, "--strategy", strategy)
        for line in self._lines(argv, source):
            if line.get("event") == "step.done":
                steps[line["step"]] = line.get("seconds") or 0.0
            elif line.get("event") == "deploy.ended":
                ended = line
            elif line.get("event") == "step.started" and line["step"] == "hold":
                held_from = line["at"] - time.time() + time.monotonic()
            elif "error" in line and "event" not in line:
                error = line["error"]["message"]
            if on_event is not None:
                on_event(line)
        if not ended:
            how = f"holdfast deploy of {app} ended with status {self._status}"
            raise CommandError(error or f"{how} and did not say how the deploy ended")
        return Deployed(
            ended["outcome"],
            began,
            time.monotonic(),
            (ended.get("held_ms") or 0.0) / 1000,
            steps,
            error,
            held_from,
        )

    def holdfast(self, *arguments: str, directory: Path | None = None) -> list[dict[str, Any]]:
        """Run any command with ``--json``; its lines.

        Raises:
            CommandError: it failed.
        """
        lines = list(self._lines(arguments, directory))
        for line in lines:
            if "error" in line and "event" not in line:
                raise CommandError(f"holdfast {' '.join(arguments)}: {line['error']['message']}")
        return lines

    def _lines(self, arguments: Sequence[str], directory: Path | None) -> Iterator[dict[str, Any]]:
        """Its lines as they come. It is not in our process group: Ctrl-C is ours to handle."""
        self._running = process = subprocess.Popen(
            [sys.executable, "-m", "holdfast", *arguments, "--json"],
            cwd=directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        said = []
        watchdog = threading.Timer(LONGEST_COMMAND, process.kill)
        watchdog.start()
        try:
            for line in process.stdout:
                try:
                    yield json.loads(line)
                except ValueError:
                    said.append(line)
        finally:
            watchdog.cancel()
            self._end_command()
        if said and process.returncode:
            raise CommandError("".join(said[-40:]).strip())

    def _end_command(self) -> None:
        process, self._running = self._running, None
        if process is None:
            return
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._status = process.returncode

    def stop(self) -> None:
        """End everything that runs here; what is not running is fine."""
        from holdfast.edge.client import Edge
        from holdfast.errors import HoldfastError
        from holdfast.layout import Layout
        from holdfast.runtimes.supervisor import SupervisorRuntime

        self._end_command()
        layout = Layout(self.root)
        problems = []
        for end in (SupervisorRuntime(layout).shutdown, Edge(layout).stop):
            try:
                end()
            except (HoldfastError, OSError) as error:
                problems.append(str(error))
        if problems:
            raise CommandError("; ".join(problems))

    def remove(self) -> None:
        """Stop, and remove the root directory."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)


def new_place(cache: Path | None = None) -> Place:
    """A place with nothing in it yet, on a free port.

    Args:
        cache: a directory for downloaded packages, shared with other places.
    """
    root = Path(tempfile.mkdtemp(prefix="hfd", dir="/tmp"))
    root.chmod(0o755)  # nginx's workers are another user when we are root
    if cache is not None:
        with suppress(OSError):  # not ours to write: then this place downloads for itself
            cache.mkdir(parents=True, exist_ok=True)
            if os.access(cache, os.W_OK):
                (root / "cache").symlink_to(cache.resolve())
    return Place(root, free_port())


@contextmanager
def place(cache: Path | None = None) -> Iterator[Place]:
    """:func:`new_place` for the length of a block; nothing is left of it."""
    made = new_place(cache)
    try:
        yield made
    finally:
        made.remove()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens at this moment.

    Below the ports given to outgoing connections (ip(7)), so that the load's own
    connections can't take it before nginx does.
    """
    for port in random.sample(range(18_000, 30_000), 200):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise CommandError("no free port on 127.0.0.1")
