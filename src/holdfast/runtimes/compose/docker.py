"""Calls of ``docker`` and ``docker compose`` as commands, and what their failures mean."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from holdfast.command import Command, Secret
from holdfast.errors import CommandFailed, ProcessError
from holdfast.execute import Completed, run
from holdfast.runtimes.compose import daemon

LOOKING = 30.0
STARTING = 300.0
PULLING = 1800.0

_OURS = re.compile(
    r"(?:PATH|HOME|LANG|LC_\w+|DOCKER_\w+|BUILDKIT_\w+|SSL_\w+|SSH_AUTH_SOCK"
    r"|(?:https?|ftp|all|no)_proxy)\Z",
    re.IGNORECASE,
)
_OWN = frozenset({"debian", "ubuntu", "fedora", "rhel", "centos", "raspbian"})
"""Systems for which Docker has packages, by the name that its pages have."""

_WITH_COMPOSE = 13
"""The first Debian that has Compose 2."""

OLDEST = (2, 24)
"""The Compose that knows ``!reset`` and ``!override``, of which our override is made."""

_NEEDED = (
    (("docker", "--version"), "Docker is not installed on this server", ""),
    (
        ("docker", "version", "--format", "{{.Server.Version}}"),
        "Docker does not answer on this server",
        "systemctl start docker; its log: journalctl -u docker",
    ),
    (("docker", "compose", "version"), "this server's Docker has no Compose 2", ""),
)
"""Calls that show what is there, in the order in which one thing needs the other; where there is
nothing to do but to install it, the last is empty."""


def environment(more: Mapping[str, str | Secret] | None = None) -> dict[str, str | Secret]:
    """What Docker's client needs of our environment; nothing else may reach a Compose file."""
    ours: dict[str, str | Secret] = {
        name: value for name, value in os.environ.items() if _OURS.match(name)
    }
    return {**ours, **{name: value for name, value in (more or {}).items() if name not in ours}}


def docker(*argv: str, timeout: float = LOOKING) -> Command:
    return Command(("docker", *argv), timeout=timeout, env=environment(), clean_env=True)


def compose(
    project: str,
    directory: Path,
    files: Sequence[Path],
    *argv: str,
    timeout: float = STARTING,
    env: Mapping[str, str | Secret] | None = None,
) -> Command:
    """A call of Compose for a project.

    Args:
        env: variables for what the files use; they never stand in the arguments.
    """
    named = [word for path in files for word in ("--file", str(path))]
    words = ("docker", "compose", "--project-name", project, "--project-directory", str(directory))
    return Command(
        (*words, *named, *argv),
        timeout=timeout,
        env=environment(env),
        clean_env=True,
        cwd=directory,
        title=f"docker compose {next((word for word in argv if not word.startswith('-')), '')}",
    )


def tried(
    command: Command,
    *,
    on_line: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Completed:
    """Run it, whatever its status; where the daemon went away and came back, once more.

    Raises:
        CommandFailed: it took too long, or was stopped.
        ProcessError: the daemon does not answer.
    """
    done = run(command, check=False, on_line=on_line, should_stop=should_stop)
    if done.returncode == 0 or not daemon.lost(done.output):
        return done
    if not daemon.returns(_answers):
        raise absent() or ProcessError("Docker went away on this server", detail=done.output)
    return run(command, check=False, on_line=on_line, should_stop=should_stop)


def _answers() -> bool:
    try:
        run(docker("version", "--format", "{{.Server.Version}}"))
    except CommandFailed:
        return False
    return True


def call(
    command: Command,
    *,
    on_line: Callable[[str], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> str:
    """Run it; what it printed.

    Raises:
        ProcessError: it failed; with what to do where Docker itself is what is missing.
    """
    try:
        done = tried(command, on_line=on_line, should_stop=should_stop)
    except CommandFailed as error:
        raise (absent() or ProcessError(error.message, detail=error.output)) from error
    if done.returncode != 0:
        message = f"{command.name}: ended with status {done.returncode}"
        raise absent() or ProcessError(message, detail=done.tail())
    return done.output


def absent() -> ProcessError | None:
    """What this server lacks of Docker, with what to do about it; ``None`` if all is there."""
    for argv, what, hint in _NEEDED:
        try:
            run(Command(argv, timeout=LOOKING, env=environment(), clean_env=True))
        except CommandFailed as error:
            said = hint or install(_system())
            return ProcessError(what, hint=said, detail=error.output or None)
    return None


def too_old(version: str | None = None) -> ProcessError | None:
    """What to do about a Compose that is too old for us; ``None`` if it is not.

    Args:
        version: as it prints it; ``None`` asks it.
    """
    version = _version() if version is None else version
    found = re.search(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST:
        return None
    wanted = ".".join(map(str, OLDEST))
    return ProcessError(
        f"this server's Compose is {version.strip()}, and Holdfast needs {wanted} or later",
        hint=install(_system()),
    )


def unknown(said: str) -> str | None:
    """What to do where Compose does not know what a file says; ``None`` if that is not it.

    Args:
        said: its own words.
    """
    found = re.search(r"[Aa]dditional propert(?:y|ies) '?([\w.-]+)'?", said)
    if found is None:
        return None
    return (
        f"this server's Compose is {_version().strip()}; {found[1]} is misspelt, or a newer one has"
        f" it: {install(_system())}"
    )


def _version() -> str:
    words = ("docker", "compose", "version", "--short")
    return run(Command(words, timeout=LOOKING, env=environment(), clean_env=True)).output


def install(system: Mapping[str, str]) -> str:
    """How a server gets Docker with Compose 2.

    Args:
        system: what its ``/etc/os-release`` says.
    """
    name, version = system.get("ID", ""), system.get("VERSION_ID", "")
    own = f"docs.docker.com/engine/install/{name if name in _OWN else ''}"
    if name == "debian" and version.isdigit() and int(version) < _WITH_COMPOSE:
        return (
            f"Debian {version} has none itself; Docker's own packages ({own}: docker-ce,"
            " docker-ce-cli, docker-compose-plugin, docker-buildx-plugin) take the place of"
            " docker.io, and containers and volumes stay"
        )
    if name in ("debian", "ubuntu"):
        return f"holdfast server setup --docker installs it; or Docker's own packages ({own})"
    return f"Docker's own packages have it ({own})"


def _system() -> Mapping[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
