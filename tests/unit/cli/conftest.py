"""The command in process, in front of a recorded agent."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from holdfast.__main__ import main
from tests.unit.cli.fake_agent import FakeAgent


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Standard output, each line as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def project(short_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder called ``notes`` without a config, and a root of its own."""
    folder = short_path / "notes"
    folder.mkdir()
    (folder / "app.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (folder / "requirements.txt").write_text("flask\n")
    monkeypatch.setenv("HOLDFAST_ROOT", str(short_path / "r"))
    monkeypatch.delenv("HOLDFAST_DEBUG", raising=False)
    return folder


@pytest.fixture
def agent(short_path: Path) -> FakeAgent:
    return FakeAgent.below(short_path / "r")


@pytest.fixture
def holdfast(
    project: Path,
    agent: FakeAgent,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run the command in the project's folder; standard input is no terminal."""

    def run(*argv: str, stdin: str = "", where: Path = project) -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        monkeypatch.chdir(where)
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr("tempfile.tempdir", str(project.parent))  # faults leave a file there
            code = main(list(argv), agent.connect)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run
