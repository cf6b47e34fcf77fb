"""Runtimes on a ROOT of their own, and releases with a small web server in them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.app import AppSpec, ComposeApp, Dependencies, Process, Web
from holdfast.layout import Layout
from holdfast.runtimes.by_app import ByApp
from holdfast.runtimes.contract import Release, Runtime
from holdfast.runtimes.supervisor import SupervisorRuntime
from holdfast.runtimes.systemd import SystemdRuntime

KIND = os.environ.get("HOLDFAST_TEST_RUNTIME", "supervisor")
SERVER = Path(__file__).with_name("web.py")

IMAGE = "python:3.13-slim-trixie"

not_in_containers = pytest.mark.skipif(
    KIND == "compose", reason="what a process of this machine gets, and a container does not"
)

ENGINE = """\
import os, pathlib, sys, time
home = pathlib.Path(os.environ["HOLDFAST_ROOT"], "apps", sys.argv[1])
with (home / "ran").open("a") as stream:
    stream.write(f"{os.getpid()}\\n")
print("engine at work", flush=True)
while (home / "busy").exists():
    time.sleep(0.02)
"""


@dataclass
class Bench:
    """A runtime under test and what it needs.

    ``runtime()`` makes another one for the same ROOT, as another command would.
    """

    layout: Layout
    engine: Path
    kind: str = "supervisor"
    counter: int = 0
    releases: list[Release] = field(default_factory=list)

    def runtime(self) -> Runtime:
        engine = (sys.executable, str(self.engine))
        if self.kind == "systemd":
            return SystemdRuntime(self.layout, engine=engine)
        if self.kind == "compose":
            machine = SystemdRuntime(self.layout, engine=engine)
            return ByApp(machine, self.layout)
        return SupervisorRuntime(self.layout, engine=engine)

    def scratch(self, app: str = "demo") -> Path:
        """A directory that processes of the app may write to, whatever they run under."""
        self.runtime().account(app)
        return self.layout.app(app).data

    def address(self, slot: str, app: str = "demo") -> str:
        """Where a web that listens where it is told does so, as far as one can know before."""
        if self.kind == "compose":
            return str(self.runtime().web_address(app, "a" if slot == "a" else "b"))
        return f"unix:{self.layout.app(app).run}/web.{slot}.sock"

    def release(self, app: str = "demo", *, command: str = "python web.py", **more: Any) -> Release:
        """A new release of ``app``, its source the server in ``web.py``.

        ``more`` goes to :class:`AppSpec` (``processes``) and, where it has such a field, to
        :class:`Web` (``listen``, ``stop_grace``).
        """
        self.counter += 1
        home = self.layout.app(app)
        home.make()
        self.runtime().account(app)
        path = home.releases / f"20261123-0900{self.counter:02}-abcdef0"
        (path / "src").mkdir(parents=True)
        (path / "src" / "web.py").write_text(SERVER.read_text())
        env = home.envs / "test"
        if not env.exists():
            (env / "bin").mkdir(parents=True)
            (env / "bin" / "python").symlink_to(sys.executable)
        web = {
            name: more.pop(name) for name in ("listen", "stop_grace", "directory") if name in more
        }
        if self.kind == "compose":
            more["compose"] = self._compose(path / "src", app, command, more.get("processes", ()))
        spec = AppSpec(
            app, (f"{app}.localhost",), "command", Dependencies("none"), Web(command, **web), **more
        )
        return Release(path.name, path, spec, None, False, 0.0, env)

    def _compose(
        self, source: Path, app: str, command: str, processes: tuple[Process, ...]
    ) -> ComposeApp:
        """A project in which the tests' server sees the machine's processes, as its tests do."""
        scratch = str(self.layout.app(app).data)
        common = {
            "image": IMAGE,
            "pid": "host",
            "working_dir": "/app",
            "environment": {"PORT": "8000", "LISTEN": "0.0.0.0"},
            "volumes": [f"{scratch}:{scratch}", f"{source}/web.py:/app/web.py:ro"],
        }
        services = {"web": {**common, "command": ["/bin/sh", "-c", f"exec {command}"]}}
        if command != command.replace(";", "").replace("&", ""):
            services["web"]["command"] = ["/bin/sh", "-c", command]
        for item in processes:
            words = ["/bin/sh", "-c", item.command.replace("$", "$$")]
            services[item.name] = {**common, "command": words}
        (source / "compose.yaml").write_text(json.dumps({"services": services}))
        images = dict.fromkeys(services, IMAGE)
        workers = tuple(item.name for item in processes)
        return ComposeApp(("compose.yaml",), "web", 8000, workers, images=images)


@pytest.fixture
def bench(root: Path) -> Iterator[Bench]:
    """A runtime; what it started is ended.

    ``HOLDFAST_TEST_RUNTIME`` says which: the test servers run this suite for systemd
    (tests/machines/test_runtime.py), which is not on every machine.
    """
    engine = root / "engine.py"
    engine.write_text(ENGINE)
    layout = Layout(root / "r")
    layout.make()
    made = Bench(layout, engine, KIND)
    yield made
    runtime = made.runtime()
    for app in layout.apps():
        (layout.app(app).home / "busy").unlink(missing_ok=True)
        runtime.remove(app)
        shutil.rmtree(layout.app(app).home)
        runtime.forget_account(app)
    if isinstance(runtime, SupervisorRuntime):
        runtime.shutdown()


@pytest.fixture
def root(short_path: Path) -> Iterator[Path]:
    """A directory for one ROOT: other users may enter it, and it is no unit's private /tmp."""
    if KIND == "supervisor":
        yield short_path
        return
    path = Path(tempfile.mkdtemp(prefix="hf", dir="/var/lib"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def worker(name: str, command: str, grace: float = 5.0) -> Process:
    return Process(name, command, stop_grace=grace)
