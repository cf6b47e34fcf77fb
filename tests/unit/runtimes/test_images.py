"""Images that come with the source."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.errors import ProcessError
from holdfast.runtimes.compose.images import Wanted, check_names


def wanted(source: Path) -> Wanted:
    return Wanted("notes", "1", {}, (), source, {})


def sent(place: Path, *tags: str, index: str = "") -> Path:
    """As ``docker save`` lays an image down."""
    place.mkdir()
    (place / "manifest.json").write_text(json.dumps([{"RepoTags": tags or None}]))
    if index:
        said = {"manifests": [{"annotations": {"io.containerd.image.name": index}}]}
        (place / "index.json").write_text(json.dumps(said))
    return place


def test_names_of_the_app(tmp_path: Path) -> None:
    """As our own client gives them."""
    name = "holdfast/notes:sent.web"
    check_names(wanted(tmp_path), sent(tmp_path / "a", name, index=f"docker.io/{name}"))


@pytest.mark.parametrize(
    ("tag", "index"),
    [
        ("postgres:17", ""),
        ("holdfast/other:sent.web", ""),
        ("holdfast/notes:1.web", ""),
        ("holdfast/notes:sent.web", "docker.io/library/postgres:17"),
    ],
)
def test_names_of_others(tmp_path: Path, tag: str, index: str) -> None:
    """What they are called would be this image from then on."""
    with pytest.raises(ProcessError, match="are called"):
        check_names(wanted(tmp_path), sent(tmp_path / "a", tag, index=index))


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"RepoTags": []}', "3"])
def test_what_is_no_archive(tmp_path: Path, text: str) -> None:
    place = sent(tmp_path / "a")
    (place / "manifest.json").write_text(text)
    with pytest.raises(ProcessError, match="no archive"):
        check_names(wanted(tmp_path), place)
