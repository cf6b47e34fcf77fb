"""Environments of the examples, shared by a session's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from examples.variants.make import HOME
from tests.conftest import require
from tests.server.examples.projects import RECIPES, UV, make_environment
from tests.server.packages import keep_compiled

Environments = Callable[[str], Path]


@pytest.fixture(scope="session")
def environment_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    """An example's environment, made once; uv's cache makes the second run quick."""
    require(UV.exists(), "uv beside this Python: bin/test makes such an environment")
    made: dict[str, Path] = {}

    def environment(example: str) -> Path:
        if example not in made:
            path = tmp_path_factory.mktemp(example) / "env"
            made[example] = make_environment(path, HOME / example, RECIPES[example].install)
        return made[example]

    yield environment
    for path in made.values():
        keep_compiled(path)
