"""Runtimes on a ROOT of their own, and releases with a small web server in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.app import AppSpec, Dependencies, Process, Web
from holdfast.layout import Layout
from holdfast.runtimes.contract import Release
from holdfast.runtimes.supervisor import SupervisorRuntime

SERVER = Path(__file__).with_name("web.py")

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
    counter: int = 0
    releases: list[Release] = field(default_factory=list)

    def runtime(self) -> SupervisorRuntime:
        return SupervisorRuntime(self.layout, engine=(sys.executable, str(self.engine)))

    def release(self, app: str = "demo", *, command: str = "python web.py", **more: Any) -> Release:
        """A new release of ``app``, its source the server in ``web.py``.

        ``more`` goes to :class:`AppSpec` (``processes``) and, where it has such a field, to
        :class:`Web` (``listen``, ``stop_grace``).
        """
        self.counter += 1
        home = self.layout.app(app)
        home.make()
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
        spec = AppSpec(
            app, (f"{app}.localhost",), "command", Dependencies("none"), Web(command, **web), **more
        )
        return Release(path.name, path, spec, None, False, 0.0, env)


@pytest.fixture(params=["supervisor"])
def bench(request: pytest.FixtureRequest, short_path: Path) -> Iterator[Bench]:
    """Every runtime there is; what it started is ended."""
    assert request.param == "supervisor"
    engine = short_path / "engine.py"
    engine.write_text(ENGINE)
    layout = Layout(short_path / "r")
    layout.make()
    made = Bench(layout, engine)
    yield made
    runtime = made.runtime()
    for app in layout.apps():
        (layout.app(app).home / "busy").unlink(missing_ok=True)
        runtime.remove(app)
    runtime.shutdown()


def worker(name: str, command: str, grace: float = 5.0) -> Process:
    return Process(name, command, stop_grace=grace)
