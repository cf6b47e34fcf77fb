"""uv's commands as values (``uv help pip install``, ``uv help sync``)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from holdfast.command import Command
from holdfast.releases import index

_TIMEOUT = 1800.0
_ASK_TIMEOUT = 60.0
_FETCH_TIMEOUT = 120.0
_RESOLVE_TIMEOUT = 120.0


@cache
def binary() -> str:
    """The uv that came with us."""
    from uv import find_uv_bin

    return str(find_uv_bin())


def environment(store: Path) -> dict[str, str]:
    """What uv is told besides our own variables: its cache, and where packages come from.

    No step downloads a Python in passing; :func:`fetch_python` does it on purpose.
    """
    return {
        **index.variables(os.environ),
        "UV_CACHE_DIR": str(store),
        "UV_PYTHON_DOWNLOADS": os.environ.get("UV_PYTHON_DOWNLOADS", "never"),
        "UV_PYTHON_PREFERENCE": os.environ.get("UV_PYTHON_PREFERENCE", "system"),
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
        "VIRTUAL_ENV": "",
    }


def find_python(request: str | None, directory: Path, env: Mapping[str, str]) -> Command:
    """Prints the path of the interpreter that fits."""
    wanted = [request] if request else []
    return _command(
        ["python", "find", "--system", "--no-project", *wanted],
        directory,
        env,
        title="uv python find",
        timeout=_ASK_TIMEOUT,
    )


def may_fetch() -> bool:
    """Whether uv may fetch a Python: it may, unless ``UV_PYTHON_DOWNLOADS`` forbids it."""
    said = os.environ.get("UV_PYTHON_DOWNLOADS", "automatic").lower()
    return said not in ("never", "false", "0", "manual")


def fetch_python(request: str, directory: Path, env: Mapping[str, str]) -> Command:
    """Fetches an interpreter (python-build-standalone, its checksum is part of uv)."""
    asked = {**env, "UV_PYTHON_DOWNLOADS": "automatic", "UV_HTTP_RETRIES": "1"}
    arguments = ["python", "install", "--no-bin", request]
    return _command(arguments, directory, asked, title="uv python install", timeout=_FETCH_TIMEOUT)


def export(into: Path, directory: Path, env: Mapping[str, str]) -> Command:
    """Writes what ``uv.lock`` has as a requirements file."""
    arguments = ["export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes"]
    return _command([*arguments, "-o", str(into)], directory, env, title="uv export")


def make_venv(path: Path, python: str, directory: Path, env: Mapping[str, str]) -> Command:
    """Makes an empty virtual environment."""
    arguments = ["venv", "--quiet", "--no-project", "--python", python, str(path)]
    return _command(arguments, directory, env, title="uv venv", timeout=_ASK_TIMEOUT)


def install(
    venv: Path,
    arguments: Sequence[str],
    directory: Path,
    env: Mapping[str, str],
    *,
    overrides: Path | None = None,
    building: Path | None = None,
) -> Command:
    """Installs requirements (``-r FILE``, ``-e DIR``, names) into a virtual environment.

    Args:
        overrides: a file of requirements that take the place of others.
        building: a file of requirements of what packages are built with.
    """
    target = ["pip", "install", "--python", str(venv / "bin" / "python")]
    if overrides is not None:
        target += ["--overrides", str(overrides)]
    if building is not None:
        target += ["--build-constraints", str(building)]
    return _command([*target, *arguments], directory, env, title="uv pip install")


def resolve(
    version: str,
    python: str,
    files: Sequence[str],
    lines: str,
    directory: Path,
    env: Mapping[str, str],
    *,
    wheels: Sequence[str] = (),
    overrides: Path | None = None,
) -> Command:
    """Fails if the requirements have no solution for that version of Python; installs nothing.

    Args:
        version: ``"3.12"``; it need not be on this machine.
        python: an interpreter, to ask packages with that say what they need only when run.
        files, lines: the requirements.
        wheels: packages that must not be built.
        overrides: a file of requirements that take the place of others.
    """
    arguments = ["pip", "compile", "--quiet", "--python", python, "--python-version", version]
    for name in wheels:
        arguments += ["--only-binary", name]
    if overrides is not None:
        arguments += ["--overrides", str(overrides)]
    command = _command([*arguments, *files, "-"], directory, env, title="uv pip compile")
    return replace(command, stdin=lines.encode(), timeout=_RESOLVE_TIMEOUT)


def lowest(
    lines: str, name: str, version: str, python: str, directory: Path, env: Mapping[str, str]
) -> Command:
    """Prints ``name==...``: the lowest version that fits and has a wheel for that Python.

    Args:
        lines: where packages come from, if that is said, and a requirement of ``name``.
    """
    arguments = ["pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate"]
    arguments += ["--resolution", "lowest", "--only-binary", name]
    arguments += ["--python", python, "--python-version", version, "-"]
    command = _command(arguments, directory, env, title="uv pip compile")
    return replace(command, stdin=lines.encode(), timeout=_RESOLVE_TIMEOUT)


def sync(
    venv: Path, python: str, directory: Path, env: Mapping[str, str], *, project: bool
) -> Command:
    """Installs what ``uv.lock`` in ``directory`` says, without its development group.

    Args:
        project: the project itself too, in place (editable).
    """
    arguments = ["sync", "--frozen", "--no-dev", "--python", python]
    if not project:
        arguments.append("--no-install-project")
    with_target = {**env, "UV_PROJECT_ENVIRONMENT": str(venv)}
    return _command(arguments, directory, with_target, title="uv sync")


def _command(
    arguments: Sequence[str],
    directory: Path,
    env: Mapping[str, str],
    *,
    title: str,
    timeout: float = _TIMEOUT,
) -> Command:
    return Command((binary(), *arguments), timeout=timeout, env=env, cwd=directory, title=title)
