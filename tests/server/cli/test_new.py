"""``holdfast new``: what it makes deploys as it is, and its own tests pass."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.place import Place
from holdfast.releases import uv
from tests.server.detect import living
from tests.server.packages import UV_CACHE


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
    """Made by the command, deployed by the command, asked by a visitor under its own host.

    With a Compose file it is told to do without Docker, which not every machine has;
    ``bin/bench compose`` deploys one with Docker (tests/compose/faults.py).
    """
    name = f"my-{kind}"
    make = [sys.executable, "-m", "holdfast", "new", kind, name, *more]
    subprocess.run(make, cwd=tmp_path, check=True, timeout=60)
    if more:
        (tmp_path / name / "holdfast.toml").write_text('[app]\nruntime = "supervisor"\n')
    seen = living.deploy_folder(here, name, tmp_path / name, ["--domain", living.host(name)])
    assert seen.unlike({"text": name}) is None
    assert any(line.startswith("health: /healthz") for line in seen.findings), seen.findings
    worker = any(line.startswith("process: worker") for line in seen.findings)
    assert worker == (kind != "one-file"), seen.findings


@pytest.mark.parametrize("kind", ["flask", "django", "fastapi", "one-file"])
def test_its_own_tests_pass_as_its_text_says(kind: str, tmp_path: Path) -> None:
    """With the packages that the text names beside the list, and the command that it gives."""
    make = [sys.executable, "-m", "holdfast", "new", kind, "mine"]
    subprocess.run(make, cwd=tmp_path, check=True, timeout=60)
    text = "".join(item.read_text() for item in (tmp_path / "mine").glob("[Ra]*.[mp]*"))
    said = re.search(r"uv (run --with .*pytest app\.py)", text)
    more = re.search(r"pip install -r requirements\.txt(.*)", text)
    command = said[1].split() if said else ["run", "--with-requirements", "requirements.txt"]
    if more is not None:
        command += [word for name in more[1].split() for word in ("--with", name)]
        command += ["python", "manage.py", "test"] if kind == "django" else ["pytest"]
    done = subprocess.run(
        [uv.binary(), command[0], "--no-project", "--quiet", *command[1:]],
        cwd=tmp_path / "mine",
        env={**os.environ, "DEBUG": "1", "UV_CACHE_DIR": str(UV_CACHE)},
        check=False,
        timeout=240,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout or "Ran 1 test" in done.stderr


def test_docker_that_does_not_answer_is_not_passed_over(
    here: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app of containers never turns into processes by itself; the way to ask for it is said."""
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    # Stands for Docker's client where no daemon runs; tests/compose/faults.py stops a real one.
    client.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exit 0\n'
        "echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock.' >&2\nexit 1\n"
    )
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    make = [sys.executable, "-m", "holdfast", "new", "flask", "shop", "--compose"]
    subprocess.run(make, cwd=tmp_path, check=True, timeout=60)
    seen = living.deploy_folder(here, "shop", tmp_path / "shop", [])
    assert not seen.live
    assert seen.error == (
        "Docker does not answer on this server, and the project has a Compose file"
    )
    assert '[app] runtime = "supervisor"' in seen.hint
    assert "systemctl start docker" in seen.hint


def test_what_is_there_is_left_alone(tmp_path: Path) -> None:
    """A folder with something in it is not written to."""
    (tmp_path / "flask").mkdir()
    (tmp_path / "flask" / "mine.txt").write_text("mine")
    make = [sys.executable, "-m", "holdfast", "new", "flask"]
    done = subprocess.run(make, cwd=tmp_path, check=False, timeout=60, capture_output=True)
    assert done.returncode == 2
    assert [item.name for item in (tmp_path / "flask").iterdir()] == ["mine.txt"]
