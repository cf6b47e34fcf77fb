"""The examples as they are shipped: their own tests pass, and they run under their server."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from examples.variants import EXAMPLES, make_variant
from examples.variants.make import HOME
from tests.server.examples.conftest import Environments
from tests.server.examples.projects import RECIPES, Project

pytestmark = pytest.mark.parametrize("example", sorted(EXAMPLES))


@pytest.fixture
def project(example: str, short_path: Path, environment_of: Environments) -> Project:
    """A copy, so that nothing is written into the checkout."""
    tree = make_variant(example, "plain", short_path / example, "3.1")
    return Project(tree, RECIPES[example], environment_of(example))


def test_its_own_tests_pass(project: Project) -> None:
    project.must(project.recipe.test, project.recipe.test_env)


def test_it_serves_and_names_its_version(project: Project, short_path: Path) -> None:
    """Under the host name that Holdfast gives it, with nothing set but ``SECRET_KEY``."""
    project.prepare()
    name = {"Host": f"{project.tree.name}.localhost"}
    with project.serving(short_path / "web.sock") as visitor:
        for path in ("/", "/nowhere"):
            assert visitor.get(path, headers=name).headers["X-App-Version"] == "3.1"
        assert "version" in visitor.get("/", headers=name).text


def test_its_dependencies_are_pinned(example: str) -> None:
    """Exact versions, no addresses: what is built today is built next year."""
    requirements = HOME / example / "requirements.txt"
    if requirements.exists():
        lines = [line.strip() for line in requirements.read_text().splitlines()]
        pins = [line for line in lines if line and not line.startswith("#")]
    else:
        project = tomllib.loads((HOME / example / "pyproject.toml").read_text())
        pins = project["project"]["dependencies"]
    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[0-9.]+", pin)] == []
