"""Calls of ``docker`` and ``docker compose`` as commands, and what their failures mean."""

from __future__ import annotations

import os
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
INSTALL = (
    "apt-get install docker.io docker-cli docker-compose docker-buildx (Debian 13),"
    " or Docker's own packages (docs.docker.com/engine/install)"
)

_NEEDED = (
    (("docker", "--version"), "Docker is not installed on this server", INSTALL),
    (
        ("docker", "version", "--format", "{{.Server.Version}}"),
        "Docker does not answer on this server",
        "systemctl start docker; its log: journalctl -u docker",
    ),
    (("docker", "compose", "version"), "this server's Docker has no Compose 2", INSTALL),
)
"""Calls that show what is there, in the order in which one thing needs the other."""


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
            return ProcessError(what, hint=hint, detail=error.output or None)
    return None
