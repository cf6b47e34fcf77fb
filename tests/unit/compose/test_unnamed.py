"""Volumes that nobody gave a name: kept under one, unless they only hid what an image has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from holdfast.app import ComposeApp
from holdfast.compose import overrides, unnamed
from holdfast.compose.mounts import binds
from holdfast.compose.overrides import Place
from holdfast.compose.project import Project, read
from holdfast.compose.roles import assign


def project(source: Path, web: dict[str, Any], db: dict[str, Any] | None = None) -> Project:
    services = {
        "web": {"build": {"context": str(source)}, "ports": [{"target": 80}], **web},
        "db": {"image": "postgres:17", **(db or {})},
    }
    return read({"name": "hf-shop", "services": services})


def names(made: Project, declared: dict[str, list[str]]) -> dict[str, str]:
    return unnamed.named(made, assign(made), declared)


def test_what_an_image_declares_gets_a_name(tmp_path: Path) -> None:
    """Of the web and of a database; not where something is mounted already."""
    declared = {"web": ["/data"], "db": ["/var/lib/postgresql/data"]}
    assert names(project(tmp_path, {}), declared) == {
        "web:/data": "kept-web-data",
        "db:/var/lib/postgresql/data": "kept-db-var-lib-postgresql-data",
    }
    mount = {"type": "volume", "source": "pg", "target": "/var/lib/postgresql/data/"}
    there = project(tmp_path, {"tmpfs": ["/data:size=1m"]}, {"volumes": [mount]})
    assert names(there, declared) == {}


def test_a_volume_above_the_declared_one_is_another(tmp_path: Path) -> None:
    """What is mounted at ``/var/lib/postgresql`` has none of what is written below it."""
    mount = {"type": "volume", "source": "pg", "target": "/var/lib/postgresql"}
    made = project(tmp_path, {}, {"volumes": [mount]})
    assert [*names(made, {"db": ["/var/lib/postgresql/data"]})] == ["db:/var/lib/postgresql/data"]


def test_what_can_be_made_again_stays_without(tmp_path: Path) -> None:
    volumes = [{"type": "volume", "target": path} for path in ("/app/node_modules", "/uploads")]
    made = project(tmp_path, {"volumes": volumes})
    assert names(made, {"web": ["/run", "/var/cache/nginx"]}) == {
        "web:/uploads": "kept-web-uploads"
    }


def test_what_kept_a_folder_out_of_the_source_is_left_out_with_it(tmp_path: Path) -> None:
    """``.:/app`` with ``/app/.venv``: it would hold what an image before this one had."""
    source = {"type": "bind", "source": str(tmp_path), "target": "/app"}
    mask = {"type": "volume", "target": "/app/.venv"}
    made = project(tmp_path, {"volumes": [source, mask, {"type": "volume", "target": "/data"}]})
    chosen = assign(made)
    bound = binds(made, chosen, tmp_path, frozenset({"app.py"}))
    assert [*unnamed.masks(made, chosen, bound)] == ["web:/app/.venv"]


def test_a_project_without_any_is_as_it_was(tmp_path: Path) -> None:
    """Not even an empty list of volumes is put in, which Compose refuses."""
    made = project(tmp_path, {})
    before = {**made.raw}
    assert unnamed.put_in({**before}, {}) == before


def test_both_slots_have_the_same_volume(tmp_path: Path) -> None:
    """In the document it looks as if its author had named it."""
    made = project(tmp_path, {"volumes": [{"type": "volume", "target": "/data"}]})
    said = ComposeApp(("compose.yaml",), "web", 80, named=names(made, {}))
    document = unnamed.put_in({**made.raw}, said.named)
    assert document["services"]["web"]["volumes"] == [
        {"type": "volume", "source": "kept-web-data", "target": "/data"}
    ]
    for slot in ("a", "b"):
        place = Place(slot, "172.18.0.10", "hf-shop_edge")
        ours = overrides.for_web(document, "shop", said, "r1", place)
        assert ours["volumes"]["kept-web-data"].value["name"] == "hf-shop_kept-web-data"
