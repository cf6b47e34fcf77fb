"""What an app loads and runs of the system: known by what is installed, warned of where missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast import config, detect
from holdfast.detect.project import Project
from holdfast.detect.system import LACKING, needs
from holdfast.distribution import here, parts
from holdfast.releases.outfitting import outfit, provided
from holdfast.releases.system_packages import SystemPackages

APP = "import subprocess\nfrom flask import Flask\napp = Flask(__name__)\n"
RUN = 'def pages():\n    return subprocess.run(["pdftotext", "x"])\n'


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "app.py").write_text(APP + RUN)
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "holdfast.toml").write_text('[app]\nname = "x"\n')
    return detect.scan(tmp_path, config.load(tmp_path))


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """A virtual environment into which somebody's dependency has brought python-magic."""
    path = tmp_path / "env"
    (path / "lib/python3.11/site-packages/python_magic-0.4.27.dist-info").mkdir(parents=True)
    (path / "bin").mkdir()
    return path


@pytest.fixture
def system() -> SystemPackages:
    """Of a machine that is somebody's own."""
    return SystemPackages(lambda _: None, lambda _: None, lambda: False, allowed=False)


def test_what_lacks_is_warned_of_once(
    project: Project, env: Path, system: SystemPackages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the app is asked."""
    monkeypatch.setattr(here, "_libraries", lambda: b"/lib/libc.so.6\0")
    monkeypatch.setenv("PATH", str(env))
    again = outfit(outfit(project, env, system), env, system)
    said = [(item.value, item.level) for item in again.findings if item.what == LACKING]
    magic = here.package(parts.library("libmagic"))
    assert said == [(magic, "warning"), ("poppler-utils", "warning")]


def test_what_is_there_is_not(
    project: Project, env: Path, system: SystemPackages, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program of the virtual environment's own is one, too; the plan names both all the same."""
    monkeypatch.setattr(here, "_libraries", lambda: b"/lib/libmagic.so.1\0")
    monkeypatch.setenv("PATH", "/nowhere")
    (env / "bin/pdftotext").write_text("#!/bin/sh\n")
    (env / "bin/pdftotext").chmod(0o755)
    known = outfit(project, env, system)
    assert not [item for item in known.findings if item.what == LACKING]
    why = [need.why for need in needs(known)]
    assert why == ["python-magic loads libmagic.so", "app.py:5 runs pdftotext"]


def test_nothing_is_installed_on_somebody_s_own_machine(system: SystemPackages) -> None:
    assert not provided("ImportError: failed to find libmagic.  Check your installation", system)
