"""What the Docker Engine is asked over its socket: some milliseconds, where its client takes 100.

https://docs.docker.com/reference/api/engine/ has the calls; what comes back is what ``docker
inspect`` prints. What the client does besides (builds, Compose, logins) is left to it
(:mod:`~holdfast.runtimes.compose.docker`).
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from holdfast.errors import ProcessError
from holdfast.runtimes.base import plain
from holdfast.runtimes.compose import daemon, docker

_SOCKET = "/var/run/docker.sock"
_GONE = (http.client.HTTPException, OSError)
_END_GRACE = 2.0


def call(
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    *,
    timeout: float = docker.LOOKING,
) -> Any:
    """Make a call; what was answered, ``None`` if what it is about does not exist.

    Every call of ours names a state or only looks: where the daemon went away in the middle and
    came back, it is made once more.

    Raises:
        ProcessError: refused, in Docker's words; or nobody answers, with what to do.
    """
    try:
        return _judged(*_exchange(method, path, query, timeout))
    except TimeoutError as error:
        raise ProcessError(f"Docker did not answer within {timeout:g} s") from error
    except _GONE as error:
        if not daemon.returns(_answers):
            raise docker.absent() or _away(error) from error
    try:
        return _judged(*_exchange(method, path, query, timeout))
    except _GONE as error:
        raise docker.absent() or _away(error) from error


def inspect(kind: str, names: Sequence[str]) -> list[dict[str, Any]]:
    """What Docker knows of containers, images, networks or volumes; those that are gone left out.

    Raises:
        ProcessError: the daemon does not answer, which says nothing of what is there.
    """
    end = "/json" if kind in ("container", "image") else ""
    found = (call("GET", f"/{kind}s/{quote(name, safe='/:@')}{end}") for name in names)
    return [item for item in found if item is not None]


def listed(kind: str, *labels: str) -> list[str]:
    """The ids (of networks and volumes: the names) of all that bear the labels."""
    query = {"filters": json.dumps({"label": labels})}
    if kind == "container":
        return [item["Id"] for item in call("GET", "/containers/json", {**query, "all": "true"})]
    found = call("GET", f"/{kind}s", query)
    return [item["Name"] for item in (found if kind == "network" else found["Volumes"] or ())]


def tags(name: str) -> list[str]:
    """The tags of images of that name."""
    found = call("GET", "/images/json", {"filters": json.dumps({"reference": [name]})})
    every = [tag for item in found for tag in item["RepoTags"] or ()]
    return [tag for tag in every if tag.rpartition(":")[0] == name]


def tag(image: str, name: str) -> None:
    """Give an image another name, with its tag.

    Raises:
        ProcessError: there is no such image.
    """
    repository, _, word = name.rpartition(":")
    path = f"/images/{quote(image, safe='/:@')}/tag"
    if call("POST", path, {"repo": repository, "tag": word}) is None:
        raise ProcessError(f"Docker has no image {image}")


def info() -> dict[str, Any]:
    """What ``docker info`` says of the daemon."""
    found: dict[str, Any] = call("GET", "/info")
    return found


def _away(error: BaseException) -> ProcessError:
    return ProcessError("Docker went away on this server", detail=str(error))


def _judged(status: int, body: bytes) -> Any:
    if status == http.client.NOT_FOUND:
        return None
    if status >= http.client.BAD_REQUEST:
        try:
            said = str(json.loads(body)["message"])
        except (ValueError, KeyError, TypeError):
            said = f"status {status}"
        raise ProcessError(f"Docker: {said}")
    return json.loads(body) if body else True


def _answers() -> bool:
    try:
        return _once("GET", "/_ping", docker.LOOKING)[0] == http.client.OK
    except _GONE:
        return False


@cache
def _version() -> str:
    """The newest version of the interface that the daemon speaks."""
    return _once("HEAD", "/_ping", docker.LOOKING)[2] or "1.44"


def _exchange(
    method: str, path: str, query: Mapping[str, str] | None, timeout: float
) -> tuple[int, bytes]:
    asked = f"?{urlencode(query)}" if query else ""
    return _once(method, f"/v{_version()}{path}{asked}", timeout)[:2]


def _once(method: str, path: str, timeout: float) -> tuple[int, bytes, str | None]:
    """One request; status, body, and the version of the interface where that is told."""
    with _dialled(timeout) as wire:
        connection = http.client.HTTPConnection("docker", timeout=timeout)
        connection.sock = wire
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers.get("Api-Version")


@contextmanager
def _dialled(timeout: float) -> Iterator[socket.socket]:
    """A connection to the daemon that the docker client would talk to."""
    where = os.environ.get("DOCKER_HOST") or (None if _other_context() else f"unix://{_SOCKET}")
    if where is None or not where.startswith("unix://"):
        with _through_the_client(timeout) as wire:
            yield wire
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as wire:
        wire.settimeout(timeout)
        wire.connect(where.removeprefix("unix://"))
        yield wire


def _other_context() -> bool:
    """Whether the user has chosen another daemon than this machine's (``docker context use``)."""
    said = os.environ.get("DOCKER_CONTEXT")
    if not said:
        home = os.environ.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
        try:
            said = json.loads((Path(home) / "config.json").read_text()).get("currentContext")
        except (OSError, ValueError, AttributeError):
            return False
    return said not in (None, "", "default")


@contextmanager
def _through_the_client(timeout: float) -> Iterator[socket.socket]:
    """The client knows how to reach it (SSH, TLS), and passes on what is said."""
    command = docker.docker("system", "dial-stdio")
    wire, far = socket.socketpair()
    with wire, far:
        process = subprocess.Popen(
            command.argv,
            env={name: plain(value) for name, value in command.env.items()},
            stdin=far.fileno(),
            stdout=far.fileno(),
            stderr=subprocess.DEVNULL,
        )
        far.close()
        wire.settimeout(timeout)
        try:
            yield wire
        finally:
            wire.close()
            process.terminate()
            try:
                process.wait(_END_GRACE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
