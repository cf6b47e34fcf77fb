"""What a deploy key may not bring, besides what services say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.app import AppSpec, ComposeApp, Dependencies, Persist, Web
from holdfast.errors import BuildError
from holdfast.releases.confined import check_places, check_variables


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "DOCKER_CONFIG",
        "DOCKER_HOST",
        "COMPOSE_FILE",
        "BUILDX_CONFIG",
        "GIT_SSH_COMMAND",
        "GIT_CONFIG_COUNT",
        "SSH_ASKPASS",
        "XDG_CONFIG_HOME",
        "PATH",
        "HOME",
        "SSL_CERT_FILE",
    ],
)
def test_variables_that_steer_programs_of_root(name: str) -> None:
    with pytest.raises(BuildError, match=name):
        check_variables(["A", name])


def test_variables_of_apps() -> None:
    """What apps really have of like names."""
    check_variables(
        ["LD_SDK_KEY", "GIT_COMMIT", "GIT_SHA", "DOCKER_IMAGE", "DOCKER_TAG", "COMPOSE_PROFILES"]
    )
    check_variables(["PYTHONPATH", "DATABASE_URL", "PATH_PREFIX", "HOMEPAGE", "GOOGLE_API_KEY"])


def spec(data: Path, *places: str, kept: str = "") -> AppSpec:
    """An app whose containers write to these places in its data."""
    mounts = {"web:/x": str(data / kept)} if kept else {}
    compose = ComposeApp(("compose.yaml",), "web", 8000, kept=mounts)
    persist = tuple(Persist(place, "directory", "why") for place in places)
    needs = Dependencies("none")
    made = AppSpec("notes", ("notes.test",), "command", needs, Web(""), persist=persist)
    return replace(made, compose=compose)


def test_places_side_by_side_are_fine(tmp_path: Path) -> None:
    (tmp_path / "uploads").mkdir()
    check_places(spec(tmp_path, "uploads", "a/b"), [spec(tmp_path, "uploads")], tmp_path)


def test_a_place_inside_another(tmp_path: Path) -> None:
    """Whoever writes to the outer one decides what the inner one is, at any time."""
    inner = spec(tmp_path, "uploads/x")
    with pytest.raises(BuildError, match="uploads/x is kept inside uploads"):
        check_places(inner, [spec(tmp_path, "uploads")], tmp_path)
    with pytest.raises(BuildError, match="uploads/x is kept inside uploads"):
        check_places(spec(tmp_path, "uploads", "uploads/x"), [], tmp_path)


def test_a_place_that_is_a_link_or_lies_behind_one(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("/")
    for said in (spec(tmp_path, "gone"), spec(tmp_path, "gone/etc"), spec(tmp_path, kept="gone")):
        with pytest.raises(BuildError, match="gone is a link"):
            check_places(said, [], tmp_path)
