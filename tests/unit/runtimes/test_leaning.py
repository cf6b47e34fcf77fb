"""Builds that begin with what another service builds: found, put in order, told."""

from __future__ import annotations

from typing import Any

from holdfast.runtimes.compose import leaning


def service(dockerfile: str, **said: Any) -> dict[str, Any]:
    build = {"context": "/src", "dockerfile_inline": dockerfile, **said.pop("build", {})}
    return {"build": build, **said}


SERVICES = {
    "base": service("FROM python:3.13\n", image="shop-base:latest"),
    "web": service("ARG B=shop-base\nFROM ${B} AS one\nFROM one\n", image="shop-web"),
    "side": service("FROM x\nCOPY --from=shop-web /a /b\nCOPY --from=one /a /b\n"),
    "named": service("FROM c\n", build={"additional_contexts": {"c": "service:base", "d": "./d"}}),
}


def test_each_after_what_it_leans_on() -> None:
    """What nobody runs is built as well, if another needs it."""
    found = leaning.leans(SERVICES, ["web", "side", "named"])
    assert found == {
        "web": {"shop-base": "base"},
        "side": {"shop-web": "web"},
        "named": {"c": "base"},
        "base": {},
    }
    assert [*leaning.waves(found)] == [["base"], ["named", "web"], ["side"]]


def test_the_image_that_is_meant_is_told() -> None:
    """Other contexts stay; a build that leans on nothing is as it was."""
    told = leaning.told(
        SERVICES["named"]["build"], {"c": "base"}, lambda name: f"holdfast/a:1.{name}"
    )
    assert told["additional_contexts"] == {"c": "docker-image://holdfast/a:1.base", "d": "./d"}
    assert leaning.told(SERVICES["base"]["build"], {}, str) == SERVICES["base"]["build"]


def test_a_circle_is_left_to_the_builder() -> None:
    assert [*leaning.waves({"a": {"b": "b"}, "b": {"a": "a"}})] == [["a", "b"]]


def test_a_service_that_is_not_built() -> None:
    """What has an image alone is Compose's to find."""
    web = service("FROM c\n", build={"additional_contexts": {"c": "service:db"}})
    services = {"web": web, "db": {"image": "postgres"}}
    assert leaning.leans(services, ["web"]) == {"web": {}}
