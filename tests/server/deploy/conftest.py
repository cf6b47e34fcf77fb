"""Places in which apps are deployed for real: supervisord, nginx and uv, each on its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from demo.place import Place, new_place
from tests.conftest import require
from tests.server.deploy.site import ONE_WORKER, SITES, Deployment
from tests.server.deploy.tiny import Tiny
from tests.server.packages import CACHE, keep_compiled_in


class MakeDeployment(Protocol):
    """Of an example, or of ``tiny``."""

    def __call__(self, example: str, settings: str | None = None) -> Deployment: ...


@contextmanager
def places() -> Iterator[Callable[[], Place]]:
    """Makes places; everything in them ends with the block."""
    require(shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/bin"), "nginx with Lua")
    made: list[Place] = []

    def make() -> Place:
        made.append(new_place(CACHE))
        return made[-1]

    try:
        yield make
    finally:
        for place in made:
            place.remove()


@contextmanager
def deployments(make_place: Callable[[], Place]) -> Iterator[MakeDeployment]:
    """Makes deployments, each in a place of its own."""
    with tempfile.TemporaryDirectory(prefix="hfs", dir="/tmp") as home:
        number = iter(range(100))

        def make(example: str, settings: str | None = None) -> Deployment:
            folder = Path(home) / f"{example}-{next(number)}"
            kind = Tiny if example == "tiny" else Deployment
            deployment = kind(make_place(), example, folder)
            if settings is not None:
                deployment.settings = settings
            elif example in SITES:
                deployment.settings = ONE_WORKER
            done = deployment.deploy()
            assert done.outcome == "succeeded", done.error
            keep_compiled_in(deployment.place)
            return deployment

        yield make


@pytest.fixture(scope="module")
def make_place() -> Iterator[Callable[[], Place]]:
    """Places with nothing in them; everything ends with the module."""
    with places() as make:
        yield make


@pytest.fixture(scope="module")
def make_deployment(make_place: Callable[[], Place]) -> Iterator[MakeDeployment]:
    """An example, live in a place of its own."""
    with deployments(make_place) as make:
        yield make


@pytest.fixture(scope="session")
def make_lasting() -> Iterator[MakeDeployment]:
    """Likewise; it ends with the test process."""
    with places() as make_place, deployments(make_place) as make:
        yield make


@pytest.fixture(scope="session")
def notes(make_lasting: MakeDeployment) -> Deployment:
    return make_lasting("flask-notes")


@pytest.fixture(scope="session")
def polls(make_lasting: MakeDeployment) -> Deployment:
    return make_lasting("django-polls")


@pytest.fixture(scope="module")
def tiny(make_deployment: MakeDeployment) -> Tiny:
    made = make_deployment("tiny")
    assert isinstance(made, Tiny)
    return made


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Deployment:
    """The app of a case, by its name: ``notes``, ``tiny``."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Deployment)
    return found
