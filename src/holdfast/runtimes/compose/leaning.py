"""Builds that begin with what another service of the project builds.

``FROM shop-base``, where a service has ``image: shop-base`` and a build, or ``additional_contexts:
{base: "service:base"}``. What is built here bears a name of ours, so the builder is told which
image is meant (https://docs.docker.com/reference/compose-file/build/#additional_contexts).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from holdfast.compose import dockerfile

Leans = Mapping[str, Mapping[str, str]]
"""For each service what its build names, and the service that is meant."""


def leans(services: Mapping[str, Any], names: Collection[str]) -> Leans:
    """What builds lean on.

    Args:
        names: the services that are built; others are found as far as those need them.
    """
    called = {
        str(item["image"]).removesuffix(":latest"): name
        for name, item in services.items()
        if item.get("build") and item.get("image")
    }
    found: dict[str, Mapping[str, str]] = {}
    waiting = [*names]
    for name in waiting:
        build = services[name]["build"]
        said = {
            image: called[image.removesuffix(":latest")]
            for image in dockerfile.bases(build)
            if called.get(image.removesuffix(":latest"), name) != name
        }
        for key, value in _contexts(build).items():
            other = value.removeprefix("service:")
            if other != value and services.get(other, {}).get("build"):
                said[key] = other
        found[name] = said
        waiting += [other for other in said.values() if other not in waiting]
    return found


def waves(found: Leans) -> Iterator[list[str]]:
    """The services in the order in which to build or start them: each after what it leans on."""
    left = dict(found)
    while left:
        ready = sorted(
            name for name, said in left.items() if not {*said.values()} & {*left} - {name}
        )
        yield ready or sorted(left)
        for name in ready or list(left):
            del left[name]


def told(build: Mapping[str, Any], said: Mapping[str, str], tag: Callable[[str], str]) -> Any:
    """The build, with the images that are meant."""
    if not said:
        return build
    contexts = {name: f"docker-image://{tag(other)}" for name, other in said.items()}
    return {**build, "additional_contexts": {**_contexts(build), **contexts}}


def _contexts(build: Mapping[str, Any]) -> dict[str, str]:
    given = build.get("additional_contexts") or {}
    pairs = given.items() if isinstance(given, Mapping) else (str(i).split("=", 1) for i in given)
    return {str(name): str(value) for name, value in pairs}
