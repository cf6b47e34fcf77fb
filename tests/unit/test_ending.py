"""Which configuration file gunicorn is told to read."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast import ending
from holdfast.command import Secret


@pytest.fixture
def release(tmp_path: Path) -> Path:
    ending.write(tmp_path)
    return tmp_path


def test_ours_is_read_beside_what_the_app_says(release: Path) -> None:
    """Arguments of the app's own stay; ours come before them."""
    config = f"--config {release / 'ending.py'}"
    assert ending.variables(release, "") == {"GUNICORN_CMD_ARGS": config}
    said = ending.variables(release, "--preload --chdir /x")
    assert said == {"GUNICORN_CMD_ARGS": f"{config} --preload --chdir /x"}


@pytest.mark.parametrize("args", ["-c own.py", "-cown.py", "--config=own.py", "--conf own.py", "'"])
def test_a_file_of_the_apps_own_stays(release: Path, args: str) -> None:
    """gunicorn reads one file; what names another, or cannot be read, is left as it is."""
    assert ending.variables(release, args) == {}


def test_what_was_secret_stays_so(release: Path) -> None:
    """A secret value does not become a plain one by being added to."""
    made = ending.variables(release, Secret("--preload"))["GUNICORN_CMD_ARGS"]
    assert isinstance(made, Secret)
    assert made.value.endswith(" --preload")


def test_an_older_release_has_none(tmp_path: Path) -> None:
    """One that an earlier Holdfast built is started as it was."""
    assert ending.variables(tmp_path, "") == {}
