"""What a project has run in a container before it is stopped: ``pre_stop``.

Docker knows nothing of it, and containers are stopped here without Compose, which would do it
(https://docs.docker.com/compose/how-tos/lifecycle/). ``post_start`` is left to Compose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from holdfast.command import Command, Secret
from holdfast.errors import CommandFailed, ProcessError
from holdfast.layout import Layout
from holdfast.runtimes.compose import docker, records
from holdfast.runtimes.compose.containers import Container
from holdfast.runtimes.compose.released import OTHERS

_LEAST = 10.0
"""Seconds that one may take; longer where the container has a longer grace."""


def before_stop(
    layout: Layout, app: str, graces: Mapping[str, float], found: list[Container]
) -> None:
    """Run those of containers that are about to be stopped; one that fails stops nothing.

    Args:
        graces: by the container's id.
    """
    for item in found:
        for hook in _said(layout, app, item):
            with suppress(CommandFailed, ProcessError):
                docker.tried(_command(item.id, hook, max(graces.get(item.id, 0.0), _LEAST)))


def _said(layout: Layout, app: str, item: Container) -> Iterator[Mapping[str, Any]]:
    """As the project says it that was written down last for the container's part."""
    part = item.process if item.process.startswith("web.") else OTHERS
    try:
        document = json.loads(records.files(layout, app, part)[0].read_text())
    except (OSError, ValueError):
        return
    yield from (document["services"].get(item.service) or {}).get("pre_stop") or ()


def _command(container: str, hook: Mapping[str, Any], timeout: float) -> Command:
    values = {str(key): _meant(value) for key, value in (hook.get("environment") or {}).items()}
    words = [f"--env={name}" for name in values]
    words += [f"--user={hook['user']}"] if hook.get("user") else []
    words += ["--privileged"] if hook.get("privileged") else []
    words += [f"--workdir={_meant(hook['working_dir'])}"] if hook.get("working_dir") else []
    said = hook.get("command") or ()
    argv = ["sh", "-c", said] if isinstance(said, str) else said
    command = docker.docker("exec", *words, container, *map(_meant, argv), timeout=timeout)
    hidden = {name: Secret(value) for name, value in values.items()}
    return replace(command, env={**hidden, **command.env})


def _meant(value: Any) -> str:
    """A value of a document of Compose's, where a dollar sign is written twice."""
    return str("" if value is None else value).replace("$$", "$")
