"""What a project has run in a container when it was started and before it is stopped.

Docker knows nothing of ``post_start`` and ``pre_stop``, containers are started and stopped here
without Compose, and one before 2.30 reads them and runs none. So they are run here, whatever
Compose it is, and taken out of what it is given (https://docs.docker.com/compose/how-tos/lifecycle/).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from holdfast.command import Command, Secret
from holdfast.errors import CommandFailed, ProcessError
from holdfast.layout import Layout
from holdfast.runtimes.compose import api, docker, records
from holdfast.runtimes.compose.containers import Container

_START, _STOP = "post_start", "pre_stop"
_LEAST = 10.0
"""Seconds that one may take before a stop; longer where the container has a longer grace."""

Document = Mapping[str, Any]


def aside(document: Document) -> dict[str, Any]:
    """The document without them."""
    left = {
        name: {key: value for key, value in item.items() if key not in (_START, _STOP)}
        for name, item in document["services"].items()
    }
    return {**document, "services": left}


def remember(layout: Layout, app: str, part: str, document: Document) -> None:
    """Write down what is run before containers of a part are stopped, whoever stops them."""
    said = {name: item[_STOP] for name, item in document["services"].items() if item.get(_STOP)}
    path = records.make(layout, app) / f"{part}.{_STOP}"
    if said or path.exists():
        records.write(path, json.dumps(said, sort_keys=True))


def after_start(
    document: Document, services: Collection[str], find: Callable[[], Iterable[Container]]
) -> None:
    """Run those of services that were just started.

    Args:
        find: their containers; asked only if there is something to run in one.

    Raises:
        ProcessError: one failed, in a container that goes on.
    """
    said = {name: document["services"][name].get(_START) or () for name in services}
    for item in find() if any(said.values()) else ():
        for hook in said.get(item.service, ()):
            done = docker.tried(_command(item.id, hook, docker.STARTING))
            if done.returncode != 0 and _runs(item.id):
                raise ProcessError(
                    f"{_START} of {item.service} ended with status {done.returncode}",
                    hint="what it printed is above; it is run in the container that was started",
                    detail=done.tail(),
                )


def before_stop(
    layout: Layout, app: str, graces: Mapping[str, float], found: Iterable[Container]
) -> None:
    """Run those of containers that are about to be stopped; one that fails stops nothing.

    Args:
        graces: by the container's id.
    """
    for item in found:
        for hook in _said(layout, app, item):
            with suppress(CommandFailed, ProcessError):
                docker.tried(_command(item.id, hook, max(graces.get(item.id, 0.0), _LEAST)))


def _runs(container: str) -> bool:
    return any(item["State"]["Running"] for item in api.inspect("container", [container]))


def _said(layout: Layout, app: str, item: Container) -> Iterator[Mapping[str, Any]]:
    """As the project says it that was written down last for the container's part."""
    part = item.process if item.process.startswith("web.") else records.OTHERS
    try:
        said = json.loads((records.directory(layout, app) / f"{part}.{_STOP}").read_text())
    except (OSError, ValueError):
        return
    yield from said.get(item.service) or ()


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
