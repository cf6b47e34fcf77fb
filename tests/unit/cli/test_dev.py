"""Which command ``holdfast dev`` is."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.cli import dev
from holdfast.errors import UsageError


@pytest.fixture(autouse=True)
def _docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of that name: the real one is run by no test yet."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))


def test_compose_finds_its_files_itself(tmp_path: Path) -> None:
    """The override of development would be left out if the files were named."""
    (tmp_path / "compose.yaml").touch()
    assert dev.up(tmp_path, ("compose.yaml",)) == ("docker", "compose", "up", "--build")


def test_files_elsewhere_are_named(tmp_path: Path) -> None:
    """Where Compose would find none."""
    words = dev.up(tmp_path, ("deploy/compose.yaml",))
    assert words == ("docker", "compose", "--file", "deploy/compose.yaml", "up", "--build")


def test_another_project_is_refused(tmp_path: Path) -> None:
    """With what to do instead."""
    with pytest.raises(UsageError) as caught:
        dev.up(tmp_path, ())
    assert "holdfast deploy --server local" in str(caught.value.hint)


def test_without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One error says what is missing."""
    (tmp_path / "compose.yaml").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="Docker is not installed"):
        dev.up(tmp_path, ())
