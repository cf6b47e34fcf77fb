"""Where a router that the edge takes the place of would lead visitors: by labels and variables."""

from __future__ import annotations

import re
from collections.abc import Mapping

from holdfast.compose.fronts import Front
from holdfast.compose.kinds import development
from holdfast.compose.project import Project, Service

_RULE = re.compile(r"traefik\.http\.routers\..+\.rule$")
_PORT = re.compile(r"traefik\.http\.services\..+\.loadbalancer\.server\.port$")
_CADDY = re.compile(r"\{\{\s*upstreams(?:\s+https?)?(?:\s+(\d+))?\s*\}\}")
_BOUND = re.compile(
    r"(?:0\.0\.0\.0|\[::\]|\*|[\s=\"']):(\d{2,5})(?![\d.:])|--port[= \"',]+(\d{2,5})\b"
    r"|\brunserver[\s\"',]+(\d{2,5})\b"
)


def by_labels(item: Service) -> tuple[str, int] | None:
    """Who leads visitors to it, and to which port (0: not said); ``None`` if nobody does."""
    if str(item.labels.get("traefik.enable", "true")).lower() == "false":
        return None
    ports = [said for key, said in item.labels.items() if _PORT.match(key) and said.isdigit()]
    if ports or any(map(_RULE.match, item.labels)) or "traefik.enable" in item.labels:
        return "Traefik", int(ports[0]) if ports else 0
    for key, said in item.labels.items():
        if key.startswith("caddy") and (found := _CADDY.search(said)):
            return "Caddy", int(found[1] or 0)
    if item.environment.get("VIRTUAL_HOST"):
        port = str(item.environment.get("VIRTUAL_PORT") or "")
        return "nginx-proxy", int(port) if port.isdigit() else 0
    return None


def by_routers(project: Project, fronts: Mapping[str, Front]) -> dict[str, tuple[str, int]]:
    """The services that proxies lead to which are left out: who leads there, to which port."""
    found: dict[str, tuple[str, int]] = {}
    for name, front in fronts.items():
        if front.secure or development(project.services[name]):
            for asked, port in front.asks.items():
                found.setdefault(asked, (name, port))
    return found


def bound(said: str) -> int | None:
    """The port that a command makes its server listen on."""
    match = _BOUND.search(said)
    return int(next(filter(None, match.groups()))) if match else None
