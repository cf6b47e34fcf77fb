"""Places in which apps are deployed for real: supervisord, nginx and uv, each on its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.place import new_place
from tests.conftest import require
from tests.server.deploy.site import Deployment

CACHE = Path(__file__).resolve().parents[3] / ".cache" / "test-packages"
MakeDeployment = Callable[[str], Deployment]


@pytest.fixture(scope="module")
def make_deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeDeployment]:
    """An example, live in a place of its own; everything ends with the module."""
    require(shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin"), "nginx with Lua")
    made: list[Deployment] = []

    def make(example: str) -> Deployment:
        home = tmp_path_factory.mktemp(example) / "site"
        deployment = Deployment(new_place(CACHE), example, home)
        made.append(deployment)
        done = deployment.deploy()
        assert done.outcome == "succeeded", done.error
        return deployment

    try:
        yield make
    finally:
        for deployment in made:
            deployment.place.remove()


@pytest.fixture(scope="module")
def notes(make_deployment: MakeDeployment) -> Deployment:
    return make_deployment("flask-notes")


@pytest.fixture(scope="module")
def polls(make_deployment: MakeDeployment) -> Deployment:
    return make_deployment("django-polls")
