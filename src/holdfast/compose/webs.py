"""Which service is the web, and on which port it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from holdfast.app import Finding
from holdfast.compose import kinds, routed
from holdfast.compose.dockerfile import exposes, scripts, text
from holdfast.compose.fronts import Front
from holdfast.compose.project import Project, Service
from holdfast.errors import DetectionError

LABEL_WEB, LABEL_PORT = "holdfast.web", "holdfast.port"

_PAGE = re.compile(r"http://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(\d+))?(?![\d:])")
_ROUTED, _ASKS = 8, 20
"""Points for whom a router leads visitors to, and for who passes requests on to others."""

_OTHERS = frozenset({21, 22, 25, 53, 143, 443, 465, 587, 993, 1883, 2222, 2525, 5678, 8443})
"""Ports that are HTTPS, or mail, SSH, DNS, MQTT or a debugger: never where the edge asks."""

_WEB_NAMES = ("web", "app", "site", "server", "backend", "api", "django", "flask", "www", "http")

Fronts = Mapping[str, Front]


def choose(project: Project, asked: str | None, fronts: Fronts, found: list[Finding]) -> Service:
    """The service that is the web; why is added to ``found``.

    Args:
        asked: the one that the user named.

    Raises:
        DetectionError: no service can be it, or several may be.
    """
    if asked is not None:
        if asked not in project.services:
            raise DetectionError(
                f"holdfast.toml: [compose] web: the project has no service {asked!r}",
                hint=f"there are: {', '.join(project.services)}",
            )
        found.append(Finding("web", asked, "[compose] web names it"))
        return project.services[asked]
    labelled = [
        item
        for item in project.services.values()
        if item.labels.get(LABEL_WEB, "").lower() in ("true", "1", "yes")
    ]
    if len(labelled) == 1:
        found.append(Finding("web", labelled[0].name, f"its label {LABEL_WEB} says so"))
        return labelled[0]
    scored = _scored(project, fronts)
    if not scored or not scored[0][0]:
        raise DetectionError(
            "no service of the Compose project looks like the web: none publishes or exposes"
            " a port, and none has a build",
            hint='name it in holdfast.toml: [compose] web = "NAME" and port = 8000',
        )
    scored = _first_of_image(scored)
    if len(scored) > 1 and scored[0][0] == scored[1][0]:
        names = ", ".join(item.name for points, _, item in scored if points == scored[0][0])
        raise DetectionError(
            f"several services may be the web: {names}",
            hint='say which one in holdfast.toml: [compose] web = "NAME"',
        )
    _, why, item = scored[0]
    found.append(Finding("web", item.name, f"it {', '.join(why)}"))
    return item


def _scored(project: Project, fronts: Fronts) -> list[tuple[int, list[str], Service]]:
    """All that may be the web, with points and reasons, the likeliest first."""
    led = routed.by_routers(project, fronts)
    found = [
        (*score(item, fronts.get(item.name), led.get(item.name)), item)
        for item in project.services.values()
        if may_be(item) and not _secures(project, item, fronts)
    ]
    return sorted(found, key=lambda entry: -entry[0])


def _first_of_image(
    scored: list[tuple[int, list[str], Service]],
) -> list[tuple[int, list[str], Service]]:
    """Without those that are as likely as another of the same image, and wait for it."""
    best = {item.name: item for points, _, item in scored if points == scored[0][0]}
    behind = {
        name
        for name, item in best.items()
        for other in item.depends
        if other in best and kinds.made_of(best[other]) == kinds.made_of(item)
    }
    return [entry for entry in scored if entry[2].name not in behind]


def may_be(item: Service) -> bool:
    """Whether it is nothing that never is one: a database, a tool."""
    return not (kinds.keeps(item) or kinds.development(item) or kinds.watches_workers(item))


def _secures(project: Project, item: Service, fronts: Fronts) -> bool:
    """Whether it is a proxy that ends HTTPS itself, before something that may be the web."""
    front = fronts.get(item.name)
    return bool(
        front and front.secure and any(may_be(project.services[name]) for name in front.asks)
    )


def score(
    item: Service, front: Front | None = None, led: tuple[str, int] | None = None
) -> tuple[int, list[str]]:
    """How much looks as if it were the web, in points, and what does.

    Args:
        front: what is known of it if it passes requests on.
        led: who leads visitors to it, and to which port.
    """
    why = []
    points = 0
    if front is not None and not front.secure:
        points += _ASKS
        why.append(f"passes requests on to {', '.join(front.asks)}")
    if item.published:
        points += 8
        why.append(f"publishes port {item.published[0][0]}")
    elif led := led or routed.by_labels(item):
        points += _ROUTED
        why.append(f"is where {led[0]} leads visitors")
    if item.build is not None:
        points += 4
        why.append("is built here")
    if item.exposed:
        points += 3
        why.append(f"exposes port {item.exposed[0]}")
    if _asked_by_check(item):
        points += 3
        why.append("has a health check that asks for a page")
    if item.name in _WEB_NAMES:
        points += 2
        why.append("is called so")
    elif any(item.name.startswith(name) or item.name.endswith(name) for name in _WEB_NAMES):
        points += 1
    return points, why


def port_of(project: Project, item: Service, fronts: Fronts, found: list[Finding]) -> int | None:
    """The port in the container, as people mean it most likely; ``None`` if nothing says one.

    Why is added to ``found``.
    """
    if (said := item.labels.get(LABEL_PORT, "")).isdigit():
        found.append(Finding("port", said, f"the label {LABEL_PORT} of {item.name}"))
        return int(said)
    led = routed.by_labels(item), routed.by_routers(project, fronts).get(item.name)
    ways = [
        *([(_http(item), f"{item.name} publishes it")] if item.published else []),
        *((way[1], f"{way[0]} leads visitors there") for way in led if way and way[1]),
        *((port, f"{item.name} exposes it") for port in item.exposed[:1]),
        *((port, f"the health check of {item.name} asks there") for port in _asked_by_check(item)),
    ]
    if not ways and item.build is not None and not exposes(item.build):
        lines = [item.said or _starts(text(item.build))]
        lines += [path.read_text(errors="replace") for path in scripts(item.build, item.said)]
        port = next(filter(None, map(routed.bound, lines)), None)
        ways = [(port, f"{item.name} is started on it")] if port else []
    if not ways:
        return None
    found.append(Finding("port", str(ways[0][0]), ways[0][1]))
    return ways[0][0]


def _asked_by_check(item: Service) -> list[int]:
    """The port of the page that its own health check asks for, if it does."""
    found = _PAGE.search(" ".join(item.check))
    return [int(found[1] or 80)] if found else []


def _starts(dockerfile: str) -> str:
    """What a Dockerfile starts, as far as one line says it."""
    lines = (line.strip() for line in dockerfile.splitlines())
    return " ".join(line for line in lines if line.upper().startswith(("CMD", "ENTRYPOINT")))


def _http(item: Service) -> int:
    """Of the ports that it publishes the one for HTTP: said so, or the first that is no other's."""
    said = [one for one in item.raw.get("ports") or () if isinstance(one, Mapping)]
    named = [
        int(one["target"]) for one in said if "http" in (one.get("app_protocol"), one.get("name"))
    ]
    every = [port for port, _, _ in item.published]
    return next(iter([*named, *(port for port in every if port not in _OTHERS), *every]))
