"""A project through Compose's own eyes, with the variables of production instead of the laptop's.

While Compose reads it, ``.env`` beside the project's first file holds the variables that are kept
on the server, behind those that the source itself has there; afterwards it is as it was. Services
that name it in ``env_file`` so get the production values, and no image is built with them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from holdfast.account import Account
from holdfast.command import Command, Secret
from holdfast.compose import bridge
from holdfast.compose.project import directory
from holdfast.errors import BuildError, CommandFailed
from holdfast.execute import run
from holdfast.files import write_atomic
from holdfast.runtimes.base import plain
from holdfast.runtimes.compose import docker

_ENV_FILE = re.compile(r"env file (\S+) not found")
_MOST_ENV_FILES = 8
_UNSET = "variable is not set"
"""Compose's warning; it goes on with an empty value."""


_NOWHERE_ELSE = {
    "COMPOSE_EXPERIMENTAL_GIT_REMOTE": "false",
    "COMPOSE_EXPERIMENTAL_OCI_REMOTE": "false",
}
"""What is fetched may be something else the next time."""

_ALONE = Lock()

Variables = Mapping[str, "str | Secret"]


def resolve(
    project: str,
    source: Path,
    files: Sequence[str],
    profiles: Sequence[str],
    env: Variables,
    *,
    interpolate: bool = True,
    everything: bool = False,
) -> dict[str, Any]:
    """The whole project as Compose would run it.

    A release does not change, so Compose is asked once in a process: a deploy needs it five times,
    and each call takes 0.1 to 0.3 s on a small server.

    Args:
        interpolate: put variables in; without it they stand as they are written.
        everything: as if all profiles were on.

    Raises:
        BuildError: Compose does not accept the project, in its own words.
        ProcessError: there is no Docker.
    """
    given = tuple(sorted(env.items()))
    on = ("*",) if everything else tuple(profiles)
    said, _ = _said(project, source, tuple(files), on, given, interpolate=interpolate)
    found: dict[str, Any] = json.loads(said[said.index("{\n") :])
    return bridge.left(found, project)


def lacks(
    project: str, source: Path, files: Sequence[str], profiles: Sequence[str], env: Variables
) -> bool:
    """Whether Compose put nothing in the place of a variable, or refused the project.

    It says so while it resolves the project, which is wanted anyway; for names and lines it has to
    be asked once more.
    """
    given = tuple(sorted(env.items()))
    try:
        said, _ = _said(project, source, tuple(files), tuple(profiles), given, interpolate=True)
    except BuildError:
        return True
    return _UNSET in said[: said.index("{\n")]


def not_sent(
    project: str, source: Path, files: Sequence[str], profiles: Sequence[str], env: Variables
) -> tuple[Path, ...]:
    """Files of variables that services name and the source does not have.

    Where variables are kept, they stand in the place of each.
    """
    given = tuple(sorted(env.items()))
    return _said(project, source, tuple(files), tuple(profiles), given, interpolate=True)[1]


def check(
    project: str,
    source: Path,
    files: Sequence[str],
    profiles: Sequence[str],
    env: Variables,
    reader: Account,
) -> None:
    """See that the project can be read by a user, who has the source, and from no other machine.

    Raises:
        BuildError: it cannot, in Compose's own words.
    """
    command = _config(project, source, files, profiles, env)
    home = {"HOME": str(reader.home), "DOCKER_CONFIG": str(reader.home / ".docker")}
    asked = replace(command, user=reader, env={**command.env, **home, **_NOWHERE_ELSE})
    for _ in range(_MOST_ENV_FILES):
        done = run(asked, check=False)
        if done.returncode == 0:
            return
        path = _lacked(done.output)
        if path is None or not path.is_relative_to(source) or path.exists():
            said = done.output.replace(f"{source}/", "").strip().splitlines()
            raise BuildError(
                f"{', '.join(files)}: a deploy key may bring what Docker Compose reads without"
                f" root's rights and without the network, and it says: {said[-1] if said else ''}",
                hint="env_file, include, extends and the like name files of the project",
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _lacked(output: str) -> Path | None:
    """The file of variables that Compose lacked."""
    named = _ENV_FILE.search(output)
    return Path(named[1].rstrip(":")) if named else None


def _config(
    project: str,
    source: Path,
    files: Sequence[str],
    profiles: Sequence[str],
    env: Variables,
    *more: str,
) -> Command:
    said = [word for name in profiles for word in ("--profile", name)]
    home = directory(source, files)
    return docker.compose(
        project,
        home,
        [source / name for name in files],
        *said,
        "config",
        "--format=json",
        *more,
        timeout=docker.LOOKING,
        env={"PWD": str(home), **env},
    )


@lru_cache(maxsize=4)
def _said(
    project: str,
    source: Path,
    files: Sequence[str],
    profiles: Sequence[str],
    given: tuple[tuple[str, str | Secret], ...],
    *,
    interpolate: bool,
) -> tuple[str, tuple[Path, ...]]:
    """The document as Compose prints it, its warnings before it; which files it lacked.

    All arguments can be hashed.
    """
    env = dict(given)
    more = () if interpolate else ("--no-interpolate",)
    home = directory(source, files)
    command = _config(project, source, files, profiles, env, *more)
    missing: list[Path] = []
    for _ in range(_MOST_ENV_FILES):
        with _env_files([*([home / ".env"] if env else []), *missing], env):
            try:
                return run(command).output, tuple(missing)
            except CommandFailed as error:
                path = _lacked(error.output) or source
                if path in missing or not path.is_relative_to(source) or path.exists():
                    raise _refused(error, files) from error
                missing.append(path)
    raise BuildError("more files of variables are missing than can be right")


def _refused(error: CommandFailed, files: Sequence[str]) -> Exception:
    if (lacking := docker.absent() or docker.too_old()) is not None:
        return lacking
    lines = [line for line in error.output.strip().splitlines() if "level=warning" not in line]
    last = lines[-1] if lines else ""
    return BuildError(
        f"{', '.join(files)}: Docker Compose does not accept it: {last}",
        hint=docker.unknown(last)
        or "docker compose config says the same on your machine; holdfast env set NAME sets a"
        " variable that is missing here",
        detail=error.output,
    )


@contextmanager
def _env_files(paths: Sequence[Path], env: Variables) -> Iterator[None]:
    """Files of variables while inside; the mode lets nobody else read them."""
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    ours = "".join(f"{name}={quoted(plain(value))}\n" for name, value in sorted(env.items()))
    try:
        for path, text in before.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, (text or b"").rstrip() + b"\n" + ours.encode(), mode=0o600)
        yield
    finally:
        for path, text in before.items():
            if text is None:
                path.unlink(missing_ok=True)
            else:
                write_atomic(path, text, mode=0o600)


def quoted(value: str) -> str:
    """A value in a file of variables that Compose reads as it is."""
    if "'" not in value and "\\" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r") + '"'
