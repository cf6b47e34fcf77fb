"""``holdfast new``: what it makes deploys as it is, and its own tests pass."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.place import Place
from tests.server.detect import living


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    """One place for all."""
    with living.place() as made:
        yield made


@pytest.mark.parametrize(
    ("kind", "more"),
    [("flask", []), ("django", ["--compose"]), ("fastapi", []), ("one-file", ["--compose"])],
)
def test_what_it_makes_deploys_as_it_is(
    kind: str, more: list[str], here: Place, tmp_path: Path
) -> None:
    """Made by the command, deployed by the command, asked by a visitor under its own host."""
    name = f"my-{kind}"
    make = [sys.executable, "-m", "holdfast", "new", kind, name, *more]
    subprocess.run(make, cwd=tmp_path, check=True, timeout=60)
    seen = living.deploy_folder(here, name, tmp_path / name, ["--domain", living.host(name)])
    assert seen.unlike({"text": name}) is None
    assert any(line.startswith("health: /healthz") for line in seen.findings), seen.findings
    worker = any(line.startswith("process: worker") for line in seen.findings)
    assert worker == (kind != "one-file"), seen.findings


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A folder with something in it is not written to."""
    (tmp_path / "flask").mkdir()
    (tmp_path / "flask" / "mine.txt").write_text("mine")
    make = [sys.executable, "-m", "holdfast", "new", "flask"]
    done = subprocess.run(make, cwd=tmp_path, check=False, timeout=60, capture_output=True)
    assert done.returncode == 2
    assert [item.name for item in (tmp_path / "flask").iterdir()] == ["mine.txt"]
