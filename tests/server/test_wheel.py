"""``pip install holdfast`` gives everything: the command, and each file that it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast import __version__
from tests.conftest import require

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
UV = Path(sys.executable).with_name("uv")
REQUIREMENTS = ROOT / "requirements.txt"


def run(*argv: str | Path, **env: str) -> str:
    words = [str(word) for word in argv]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **env},
        cwd="/",
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The wheel, built from a copy, so that nothing is left in the checkout."""
    require(UV.exists(), "uv beside this Python: bin/test makes such an environment")
    directory = tmp_path_factory.mktemp("wheel")
    copy = directory / "project"
    copy.mkdir()
    for name in (".gitignore", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(SOURCE, copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    # Without isolation: the build backend is the locked one, and nothing is fetched.
    run(
        UV, "build", "--wheel", "--no-build-isolation", "--offline", "--python", sys.executable,
        "--out-dir", directory / "dist", copy,
    )  # fmt: skip
    (built,) = (directory / "dist").glob("*.whl")
    yield built
    shutil.rmtree(directory)


def test_wheel_holds_every_file_of_the_source(wheel: Path) -> None:
    """Lua, templates, pages, types: what stands in src is in the wheel, and nothing else is."""
    here = {
        path.relative_to(SOURCE).as_posix()
        for path in (SOURCE / "holdfast").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = {
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if not name.partition("/")[0].endswith("-info")
    }
    assert packed == here


@pytest.mark.parametrize("kind", [".lua", ".html", ".typed"])
def test_wheel_holds_what_is_not_python(wheel: Path, kind: str) -> None:
    """The edge's Lua and pages and the marker for type checkers are there."""
    assert [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(kind)]


def test_wheel_is_for_every_machine(wheel: Path) -> None:
    """Pure Python: what is built on a laptop runs on the server."""
    assert wheel.name == f"holdfast-{__version__}-py3-none-any.whl"


def test_installed_command_runs(wheel: Path, short_path: Path) -> None:
    """In a new environment with the locked dependencies, far from the checkout, it works."""
    env = short_path / "env"
    certificates = {"UV_SYSTEM_CERTS": "true", "UV_PYTHON_DOWNLOADS": "never"}
    run(UV, "venv", "--python", sys.executable, env, **certificates)
    python = env / "bin" / "python"
    run(
        UV, "pip", "install", "--python", python, "--require-hashes", "-r", REQUIREMENTS,
        **certificates,
    )  # fmt: skip
    run(UV, "pip", "install", "--python", python, "--no-deps", "--offline", wheel)
    holdfast = env / "bin" / "holdfast"
    assert __version__ in run(holdfast, "--version")
    assert "deploy" in run(holdfast, "--help")
    assert run(UV, "pip", "check", "--python", python) == ""
