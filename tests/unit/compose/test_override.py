"""The override as text, and what it changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from holdfast.app import ComposeApp
from holdfast.compose import overrides
from holdfast.compose.override import instead, reset, text
from holdfast.compose.overrides import Place

SAID = ComposeApp(
    ("compose.yaml",), "web", 8000, ("worker",), ("db",), images={"web": "sha256:1"},
    dropped=("web:/app",),
)  # fmt: skip
DOCUMENT: dict[str, Any] = {
    "services": {
        "web": {
            "build": {"context": "/src"},
            "container_name": "shop",
            "ports": [{"target": 8000, "published": "80"}],
            "networks": {"default": None},
            "volumes": [
                {"type": "bind", "source": "/src", "target": "/app"},
                {"type": "volume", "source": "media", "target": "/media"},
            ],
            "environment": {"SECRET": "hunter2"},
        },
        "worker": {"build": {"context": "/src"}, "restart": "always"},
        "db": {"image": "postgres:17", "environment": {"POSTGRES_PASSWORD": "hunter2"}},
    },
    "networks": {"default": {"name": "hf-shop_default"}},
    "volumes": {"media": {"name": "hf-shop_media"}},
}


def web() -> dict[str, Any]:
    place = Place("a", "172.18.0.10", "hf-shop_edge")
    return overrides.for_web(DOCUMENT, "shop", SAID, "r1", place)


def test_the_web_gets_an_address_of_its_own_and_no_port() -> None:
    """Neither its name nor a published port can clash with the other slot's."""
    ours = web()["services"]["web"]
    assert ours["ports"] == reset([])
    assert ours["container_name"] == reset(None)
    assert ours["networks"]["holdfast_edge"] == {"ipv4_address": "172.18.0.10"}
    assert ours["networks"]["default"] == {"aliases": ["shop"]}
    assert ours["image"] == "sha256:1"
    assert ours["restart"] == "unless-stopped"


def test_networks_and_volumes_are_those_of_the_app() -> None:
    """The web stands in a project of its own, and meets the others all the same."""
    assert web()["networks"]["default"] == instead({"name": "hf-shop_default", "external": True})
    assert web()["volumes"]["media"] == instead({"name": "hf-shop_media", "external": True})


def test_source_over_the_image_is_left_out() -> None:
    mounts = web()["services"]["web"]["volumes"]
    assert [item["target"] for item in mounts.value] == ["/media"]


def test_a_web_that_hears_no_term_gets_an_init() -> None:
    """Visitors would wait for KILL; a worker keeps all of its grace."""
    said = replace(SAID, deaf=("web",))
    place = Place("a", "172.18.0.10", "hf-shop_edge")
    assert overrides.for_web(DOCUMENT, "shop", said, "r1", place)["services"]["web"]["init"] is True
    assert "init" not in web()["services"]["web"]


def test_no_secret_stands_in_it() -> None:
    """It is printed by ``holdfast plan --override``."""
    others = overrides.for_others(DOCUMENT, "shop", SAID, "r1")
    assert "hunter2" not in text(web()) + text(others)


def test_ports_that_somebody_asked_for_stay() -> None:
    """A database that is to be reached, or no more, is made anew."""
    ports = [{"target": 5432, "published": "5432"}]
    services = {**DOCUMENT["services"], "db": {**DOCUMENT["services"]["db"], "ports": ports}}
    document = {**DOCUMENT, "services": services}
    closed = overrides.for_others(document, "shop", SAID, "r1")["services"]["db"]
    said = replace(SAID, publish=("db",))
    opened = overrides.for_others(document, "shop", said, "r1")["services"]["db"]
    assert closed["ports"] == reset([])
    assert "ports" not in opened
    assert opened["labels"] != closed["labels"]


def test_a_database_is_the_same_from_release_to_release() -> None:
    """Its definition, not the release, decides whether it is touched."""
    first = overrides.for_others(DOCUMENT, "shop", SAID, "r1")["services"]["db"]
    assert overrides.for_others(DOCUMENT, "shop", SAID, "r2")["services"]["db"] == first
    other = {**DOCUMENT["services"], "db": {"image": "postgres:18"}}
    changed = overrides.for_others({**DOCUMENT, "services": other}, "shop", SAID, "r2")
    assert changed["services"]["db"]["labels"] != first["labels"]


def test_a_file_that_a_database_mounts_is_no_new_definition() -> None:
    """Its path in the project is another one in each release; the copy's is the same."""

    def definition(release: str, copy: str) -> str:
        mount = {"type": "bind", "source": f"/r/{release}/schema.sql", "target": "/init.sql"}
        document = {**DOCUMENT, "services": {"db": {"image": "postgres:17", "volumes": [mount]}}}
        said = replace(SAID, fixed={"db:/init.sql": copy})
        ours = overrides.for_others(document, "shop", said, release)
        return str(ours["services"]["db"]["labels"]["holdfast.definition"])

    assert definition("r1", "/files/1") == definition("r2", "/files/1")
    assert definition("r1", "/files/1") != definition("r2", "/files/2")


def test_a_database_that_is_built_is_what_its_image_is() -> None:
    """Built of the same in another release's directory it is not touched; another image is."""

    def definition(release: str, image: str) -> str:
        db = {"build": {"context": f"/releases/{release}"}, "image": "shop_db"}
        document = {**DOCUMENT, "services": {**DOCUMENT["services"], "db": db}}
        said = replace(SAID, images={**SAID.images, "db": image})
        ours = overrides.for_others(document, "shop", said, release)
        assert ours["services"]["db"]["image"] == image
        return str(ours["services"]["db"]["labels"]["holdfast.definition"])

    assert definition("r1", "sha256:1") == definition("r2", "sha256:1")
    assert definition("r1", "sha256:1") != definition("r2", "sha256:2")


def test_a_volume_that_is_a_directory_has_it_where_it_stays() -> None:
    """As a volume still; what only reads a copy mounts that, and its volume leads nowhere."""
    said = replace(SAID, fixed={"volumes:media": "/data/media", "volumes:gone": ""})
    volumes = overrides.for_others(DOCUMENT, "shop", said, "r1")["volumes"]
    assert volumes["media"] == {"driver_opts": {"device": "/data/media"}}
    assert volumes["gone"] == {"driver_opts": reset({})}
    copied = replace(SAID, fixed={"web:/media": "/files/media"})
    mounts = overrides.for_others(DOCUMENT, "shop", copied, "r1")["services"]["web"]["volumes"]
    assert mounts.value == [{"type": "bind", "source": "/files/media", "target": "/media"}]


def test_as_yaml() -> None:
    """JSON is YAML; the tags and the doubled dollar are what it needs besides."""
    made = text({"services": {"web": {"ports": reset([]), "x": "a$b"}}}, "about")
    assert made == '# about\n"services":\n  "web":\n    "ports": !reset []\n    "x": "a$$b"\n'
