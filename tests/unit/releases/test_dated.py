"""Versions of the time of the commit, where the newest no longer do."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from holdfast.app import Dependencies
from holdfast.detect import ImportFailed
from holdfast.detect.project import Project
from holdfast.releases import dated
from holdfast.releases.source import pack
from holdfast.releases.unpack import committed
from holdfast.releases.venv import key

OLD = "2021-06-05T12:00:00+00:00"


def packed(folder: Path, day: str | None) -> Path:
    """An archive of a project, committed that day; without git if nobody has."""
    project = folder / "project"
    project.mkdir()
    (project / "app.py").write_text("x = 1\n")
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
    env = {**os.environ, "GIT_COMMITTER_DATE": day or ""}
    words = (("init", "-q"), ("add", "."), ("commit", "-q", "-m", "x"))
    for more in words if day else ():
        subprocess.run((*git, *more), cwd=project, env=env, check=True)
    return pack(project, folder).archive


def failed(kind: str, module: str = "") -> ImportFailed:
    return ImportFailed("x", {"type": kind, "name": module}, hint="", detail="")


def project() -> Project:
    return Project("flask", (), ".", Dependencies("requirements", ("requirements.txt",)))


def test_when_it_was_committed_is_in_the_archive(tmp_path: Path) -> None:
    """And only where git knows."""
    (tmp_path / "other").mkdir()
    assert committed(packed(tmp_path, OLD)) == 1622894400
    assert committed(packed(tmp_path / "other", None)) is None


@pytest.mark.parametrize(
    ("kind", "module", "tried"),
    [
        ("ImportError", "", True),
        ("PydanticUserError", "", True),
        ("ModuleNotFoundError", "old.part", True),
        ("ModuleNotFoundError", "forgotten", False),
        ("KeyError", "", False),
        ("OperationalError", "", False),
    ],
)
def test_what_new_versions_may_have_dropped(
    tmp_path: Path, kind: str, module: str, tried: bool
) -> None:
    """A package that is missing altogether, or a setting, is missing in old versions as well."""
    found = dated.as_of(project(), failed(kind, module), packed(tmp_path, OLD))
    assert (found is not None) == tried
    if found is not None:
        assert found.dependencies.until == "2021-07-01"
        assert dated.as_of(found, failed(kind, module), tmp_path / "source.tar") is None


def test_a_young_project_has_seen_the_newest(tmp_path: Path) -> None:
    """Nothing older would do better; nor is there anything to choose where a lock says all."""
    today = datetime.now(UTC).isoformat(timespec="seconds")
    assert dated.as_of(project(), failed("ImportError"), packed(tmp_path, today)) is None


def test_another_day_is_another_environment(tmp_path: Path) -> None:
    """Servers and what builds packages stay new: they have to go with this Python."""
    keys = {key(Dependencies("none", until=day), tmp_path, "python3") for day in (None, OLD)}
    assert len(keys) == 2
    options = dated.options(Dependencies("none", until="2021-07-01"))
    assert options[0] == "--exclude-newer=2021-07-01"
    assert "--exclude-newer-package=gunicorn=2100-01-01" in options
