"""A fresh checkout sets itself up from PyPI, once, however often it is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORK = '. "$0"; ensure_environment; exec "$PYTHON" -c "import holdfast, pytest; print(holdfast)"'
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": os.environ["HOME"]}


@pytest.fixture
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What git has of the project's set-up, and its source, in a path with a space."""
    path = tmp_path_factory.mktemp("check out")
    named = [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE")]
    for file in (*named, *ROOT.glob("requirements*.txt")):
        shutil.copy(file, path)
    for name in ("bin", "src"):
        shutil.copytree(ROOT / name, path / name, ignore=shutil.ignore_patterns("__pycache__"))
    yield path
    shutil.rmtree(path)


def start(checkout: Path, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["/bin/sh", "-euc", WORK, "bin/_setup"],
        cwd=checkout,
        env={**ENVIRONMENT, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    output, error = process.communicate(timeout=150)
    return process.returncode, output, error


def test_set_up_once_however_often_it_is_asked(checkout: Path) -> None:
    """Two at once both succeed by one's work; after that it is quick, until the lock changes."""
    two_at_once(checkout)
    next_run_is_quick_and_silent(checkout)
    change_of_the_lock_is_followed(checkout)


def two_at_once(checkout: Path) -> None:
    results = [finish(process) for process in [start(checkout), start(checkout)]]
    assert [code for code, _, _ in results] == [0, 0], results
    assert all(str(checkout / "src") in output for _, output, _ in results)
    said = "".join(error for _, _, error in results)
    assert said.count("Installing uv ") == said.count("Setting up .venv ") == 1


def next_run_is_quick_and_silent(checkout: Path) -> None:
    computed = []
    for _ in range(5):
        before = os.times()
        code, _, error = finish(start(checkout))
        after = os.times()
        computed.append(
            (after.children_user - before.children_user)
            + (after.children_system - before.children_system)
        )
        assert (code, error) == (0, "")
    assert 0 < min(computed) < 0.5


def change_of_the_lock_is_followed(checkout: Path) -> None:
    with (checkout / "requirements-dev.txt").open("a") as lock:
        lock.write("# changed\n")
    code, _, error = finish(start(checkout))
    assert code == 0, error
    assert error.count("Setting up .venv ") == 1
    assert "Installing uv" not in error


def test_python_that_is_too_old_or_missing_is_one_clear_line(checkout: Path) -> None:
    """It says what is needed and where to get it."""
    code, output, error = finish(start(checkout, HOLDFAST_PYTHON="no-such-python"))
    assert (code, output) == (1, "")
    assert len(error.splitlines()) == 1
    assert "needs Python 3.11 or newer" in error
