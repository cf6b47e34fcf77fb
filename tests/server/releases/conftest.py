"""Builds of small projects with the real uv, in a ROOT of their own."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.environment import EnvStore
from holdfast.layout import AppLayout, Layout
from holdfast.protocol import Event, Kind
from holdfast.releases.contract import Source
from holdfast.releases.store import Releases
from holdfast.runtimes.contract import Release
from tests.server.packages import UV_CACHE, keep_compiled

FLASK = """\
import os
from flask import Flask

app = Flask(__name__)
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]


@app.get("/")
def index():
    return "one"
"""

BARE = "def app(environ, start_response):\n    return []\n"
COMMAND = {"web": {"command": "python app.py"}, "app": {"framework": "command"}}


@dataclass
class Shop:
    """One app's releases and what a build of it said."""

    layout: Layout
    name: str = "demo"
    events: list[Event] = field(default_factory=list)
    count: Any = field(default_factory=itertools.count)

    @property
    def home(self) -> AppLayout:
        return self.layout.app(self.name)

    @property
    def store(self) -> Releases:
        return Releases(self.home, self.layout)

    @property
    def env(self) -> EnvStore:
        return EnvStore(self.home.env_file)

    def archive(self, files: Mapping[str, str | bytes]) -> Path:
        self.home.make()
        path = self.home.incoming / f"{next(self.count)}.tar"
        with tarfile.open(path, "w") as tar:
            for name, text in files.items():
                data = text.encode() if isinstance(text, str) else text
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        return path

    def build(
        self,
        files: Mapping[str, str | bytes],
        config: dict[str, Any] | None = None,
        *,
        should_stop: Callable[[], bool] = lambda: False,
        commit: str | None = None,
        ahead: Callable[[Release], None] | None = None,
    ) -> Release:
        self.events.clear()
        said = {name: dict(table) for name, table in (config or {}).items()}
        said["app"] = {"name": self.name, "domains": ["demo.localhost"], **said.get("app", {})}
        source = Source(self.archive(files), commit, False)
        made = self.store.build(source, said, self.env, self.events.append, should_stop, ahead)
        keep_compiled(made.env_path, self.layout.uv_cache)
        return made

    def notes(self) -> list[str]:
        return [str(event.data["text"]) for event in self.events if event.kind is Kind.NOTE]

    def lines(self) -> list[str]:
        return [str(event.data["line"]) for event in self.events if event.kind is Kind.LOG]

    def directories(self) -> list[str]:
        return sorted(path.name for path in self.home.releases.iterdir() if path.is_dir())

    def environments(self) -> list[str]:
        return sorted(path.name for path in self.home.envs.iterdir() if path.is_dir())


def make_shop(root: Path, packages: Path) -> Shop:
    """A shop in a new ROOT whose packages are kept elsewhere."""
    layout = Layout(root)
    layout.uv_cache.parent.mkdir(parents=True)
    packages.mkdir(parents=True, exist_ok=True)
    layout.uv_cache.symlink_to(packages)
    return Shop(layout)


@pytest.fixture
def shop(short_path: Path) -> Shop:
    """With the packages that all tests share: what is downloaded and compiled is so once."""
    return make_shop(short_path / "r", UV_CACHE)


@pytest.fixture
def first_shop(short_path: Path, tmp_path: Path) -> Shop:
    """With nothing that was downloaded or compiled before."""
    return make_shop(short_path / "r", tmp_path / "packages")
