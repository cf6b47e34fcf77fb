"""Which failures of Docker's client mean that its daemon went away; the texts are its own."""

from __future__ import annotations

import pytest

from holdfast.runtimes.compose.daemon import lost


@pytest.mark.parametrize(
    "said",
    [
        "Cannot connect to the Docker daemon at unix:///run/docker.sock. Is the docker daemon...?",
        'error during connect: Post "http://%2Fvar%2Frun%2Fdocker.sock/v1.45/build": EOF',
        "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path ...",
        "#8 12.1 got\nrpc error: code = Unavailable desc = error reading from server: EOF\n",
        'Get "http://_ping": dial unix /var/run/docker.sock: connect: connection refused',
    ],
)
def test_nobody_answers(said: str) -> None:
    assert lost(said)


@pytest.mark.parametrize(
    "said",
    [
        "Error response from daemon: No such container: web",
        "ConnectionRefusedError: [Errno 111] Connection refused",
        "Cannot connect to the Docker daemon\n" + "line\n" * 3 + "exit code: 1",
        'failed to solve: process "/bin/sh -c exit 3" did not complete: exit code: 3',
        "",
    ],
)
def test_it_answered_or_a_build_failed(said: str) -> None:
    """What a program in a build says of its own network is none of Docker's."""
    assert not lost(said)
