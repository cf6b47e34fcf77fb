"""Which environment a set of dependencies gets, and what fills it."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.app import Dependencies
from holdfast.errors import BuildError
from holdfast.releases import bytecode, venv

REQUIREMENTS = Dependencies("requirements", ("requirements.txt", "base.txt"), ("gunicorn==23.0.0",))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("-r base.txt\nflask\n")
    (tmp_path / "base.txt").write_text("requests\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (tmp_path / "uv.lock").write_text("version = 1\n")
    return tmp_path


def test_the_key_follows_what_is_installed(source: Path) -> None:
    """Files, those they include, packages besides and the interpreter; nothing else."""
    first = venv.key(REQUIREMENTS, source, sys.executable)
    (source / "app.py").write_text("changed")
    assert venv.key(REQUIREMENTS, source, sys.executable) == first
    (source / "base.txt").write_text("requests==2\n")
    second = venv.key(REQUIREMENTS, source, sys.executable)
    more = Dependencies("requirements", REQUIREMENTS.files, ("gunicorn==22.0.0",))
    third = venv.key(more, source, sys.executable)
    fourth = venv.key(more, source, "/usr/bin/env")
    assert len({first, second, third, fourth}) == 4


def test_what_takes_the_place_of_others(source: Path) -> None:
    """It is part of the key; where ``uv.lock`` has the versions, they are installed as a list."""
    without = Dependencies("uv.lock", ("uv.lock", "pyproject.toml"))
    instead = replace(without, instead=('psycopg2 ; python_version < "3"',))
    building = replace(without, building=("cython<3",))
    keys = {venv.key(item, source, sys.executable) for item in (without, instead, building)}
    assert len(keys) == 3
    made = venv.commands(Path("/env"), instead, source, "/p", {}, overrides=Path("/o.txt"))
    assert [command.argv[1] for command in made] == ["venv", "export", "pip"]
    assert made[-1].argv[-4:] == ("--overrides", "/o.txt", "-r", "/env.txt")


def test_the_version_of_a_project_without_git(source: Path) -> None:
    """It is the project's own: another package that is built asks for its own version."""
    alone = replace(REQUIREMENTS, install_project=True)
    name = "SETUPTOOLS_SCM_PRETEND_VERSION"
    assert venv.pretended(REQUIREMENTS, source, "c0ffee") == {}
    assert venv.pretended(alone, source, "c0ffee") == {f"{name}_FOR_X": "0.0.0+gc0ffee"}
    (source / "requirements.txt").write_text("-e ./lib\n")
    assert venv.pretended(REQUIREMENTS, source, None) == {name: "0.0.0+gunknown"}


def test_a_file_that_is_not_there(source: Path) -> None:
    with pytest.raises(BuildError, match="missing.txt"):
        venv.key(Dependencies("requirements", ("missing.txt",)), source, sys.executable)


def arguments(dependencies: Dependencies, source: Path) -> list[str]:
    """The uv commands without the path of uv, the source as ``SRC``."""
    made = venv.commands(Path("/env"), dependencies, source, "/python", {})
    return [" ".join(command.argv[1:]).replace(str(source), "SRC") for command in made[1:]]


INTO = "pip install --python /env/bin/python"


@pytest.mark.parametrize(
    ("dependencies", "expected"),
    [
        (REQUIREMENTS, [f"{INTO} -r requirements.txt gunicorn==23.0.0"]),
        (
            Dependencies("requirements", ("requirements.txt",), install_project=True),
            [f"{INTO} -r requirements.txt -e SRC"],
        ),
        (Dependencies("pyproject", ("pyproject.toml",)), [f"{INTO} -r pyproject.toml"]),
        (
            Dependencies("pyproject", ("pyproject.toml",), ("uvicorn",), install_project=True),
            [f"{INTO} -e SRC uvicorn"],
        ),
        (
            Dependencies("uv.lock", ("uv.lock", "pyproject.toml"), ("gunicorn",)),
            [
                "sync --frozen --no-dev --python /python --no-install-project",
                f"{INTO} gunicorn",
            ],
        ),
        (
            Dependencies("uv.lock", ("uv.lock", "pyproject.toml"), install_project=True),
            ["sync --frozen --no-dev --python /python"],
        ),
        (Dependencies("none", extra=("flask",)), [f"{INTO} flask"]),
        (Dependencies("none"), []),
    ],
)
def test_what_fills_an_environment(
    source: Path, dependencies: Dependencies, expected: list[str]
) -> None:
    assert arguments(dependencies, source) == expected


@pytest.mark.parametrize(
    ("name", "text", "local"),
    [
        ("requirements.txt", "flask\nrequests==2\n", False),
        ("requirements.txt", "-r base.txt\n-c limits.txt\n", False),
        ("requirements.txt", "flask\n-e .\n", True),
        ("requirements.txt", "./vendor/lib\n", True),
        ("requirements.txt", "lib @ file:///x\n", True),
        ("requirements.txt", ".\n", True),
        ("requirements.txt", "lib @ https://example.com/lib.whl\n", False),
        ("uv.lock", 'source = { registry = "https://index.example/simple" }', False),
        ("uv.lock", 'source = { editable = "." }', False),
        ("uv.lock", 'source = { virtual = "." }', False),
        ("uv.lock", 'source = { editable = "packages/lib" }', True),
        ("uv.lock", 'source = { directory = "vendor" }', True),
        ("pyproject.toml", '[tool.uv.sources]\nlib = { path = "vendor/lib" }', True),
        ("pyproject.toml", '[tool.uv.sources]\nlib = { git = "https://x" }', False),
    ],
)
def test_parts_of_the_source_make_it_one_releases_own(
    source: Path, name: str, text: str, local: bool
) -> None:
    """An environment that leads into a release's source must not outlive it."""
    (source / name).write_text(text)
    kind = name.removesuffix(".txt").removesuffix(".toml")
    dependencies = Dependencies(kind, (name,))  # type: ignore[arg-type]
    assert venv._has_local_parts(dependencies, source) is local


def test_compiled_modules_are_carried_where_the_source_is_the_same(tmp_path: Path) -> None:
    old, new = (tmp_path / name / "lib/python3.11/site-packages/p" for name in ("old", "new"))
    for directory in (old, new):
        directory.mkdir(parents=True)
    for name in ("same", "changed", "gone"):
        (old / f"{name}.py").write_text(name)
    (old / "__pycache__").mkdir()
    for name in ("same", "changed", "gone"):
        (old / "__pycache__" / f"{name}.cpython-311.pyc").write_text("compiled")
    os.link(old / "same.py", new / "same.py")
    (new / "changed.py").write_text("other content")
    assert bytecode.carry(tmp_path / "old", tmp_path / "new") == 1
    assert [path.name for path in (new / "__pycache__").iterdir()] == ["same.cpython-311.pyc"]


def test_servers_are_compiled_once(tmp_path: Path) -> None:
    """What is there and not compiled yet, and nothing else; nothing to do is no command."""
    packages = tmp_path / "lib/python3.11/site-packages"
    for name in ("flask", "gunicorn", "uvicorn/__pycache__"):
        (packages / name).mkdir(parents=True)
    command = bytecode.compile_servers(tmp_path)
    assert command is not None
    assert command.argv[-1:] == (str(packages / "gunicorn"),)
    (packages / "gunicorn/__pycache__").mkdir()
    assert bytecode.compile_servers(tmp_path) is None
