"""Which service is what: the web, workers, what stays up, what runs once, what stays out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.app import Finding
from holdfast.compose.dockerfile import base
from holdfast.compose.project import Project, Service
from holdfast.errors import DetectionError

LABEL_WEB, LABEL_PORT = "holdfast.web", "holdfast.port"

_STEADY = re.compile(
    r"(?:^|/)(?:postgres(?:ql)?|postgis|pgvector|timescaledb|cockroach|mysql|mariadb|percona|redis"
    r"|valkey|keydb|memcached|rabbitmq|mosquitto|mongo(?:db)?|solr|elasticsearch|opensearch|meilisearch|typesense|minio|nats|kafka"
    r"|zookeeper|clickhouse|influxdb|couchdb|cassandra|neo4j|pgbouncer|etcd|vault|qdrant)"
    r"(?:[:@-]|$)",
    re.IGNORECASE,
)
"""Images of databases, caches and brokers: never the web, whatever port they publish."""

_TOOLS = re.compile(
    r"(?:^|/)(?:mailhog|mailpit|maildev|mailcatcher|adminer|pgadmin4?|phpmyadmin|redis-commander"
    r"|redisinsight|selenium|standalone-chrome|browser-sync)(?:[:@-]|$)",
    re.IGNORECASE,
)
_ROUTES = re.compile(
    r"(?:^|/)(?:traefik|nginx-proxy|nginx-proxy-manager|acme-companion|caddy-docker-proxy|swag"
    r"|letsencrypt-nginx-proxy-companion|certbot)(?:[:@-]|$)",
    re.IGNORECASE,
)
"""Images that lead domains to services and get certificates for them, as the edge does."""

_WATCHES = re.compile(
    r"--watch\b|\bwatchmedo\b|\bnodemon\b|\bwebpack(?:-dev-server| serve)\b"
    r"|\b(?:npm|pnpm|yarn) (?:run )?(?:dev|watch)\b|\btailwindcss\b.* -w\b|\bvite(?: dev)?$",
)
_PROXIES = re.compile(r"(?:^|/)(?:nginx\S*|caddy|haproxy|httpd|envoy|openresty)(?:[:@-]|$)")
_OTHERS = frozenset({21, 22, 25, 53, 143, 443, 465, 587, 993, 1883, 2222, 2525, 5678, 8443})
"""Ports that are HTTPS, or mail, SSH, DNS, MQTT or a debugger: never where the edge asks."""

_WEB_NAMES = ("web", "app", "site", "server", "backend", "api", "django", "flask", "www", "http")


@dataclass(frozen=True, slots=True)
class Roles:
    """Who is what; ``port`` is the web's in its container, ``None`` until its image says so."""

    web: str
    port: int | None
    workers: tuple[str, ...]
    steady: tuple[str, ...]
    once: tuple[str, ...]
    left_out: tuple[str, ...]
    findings: tuple[Finding, ...]


def assign(project: Project, web: str | None = None, port: int | None = None) -> Roles:
    """Give every service its role.

    Args:
        web: the service that the user named, ``port`` likewise.

    Raises:
        DetectionError: no service can be the web, or several may be.
    """
    found: list[Finding] = []
    service = _web(project, web, found)
    left = {
        name: why
        for name, item in project.services.items()
        if name != service.name and (why := _development(item))
    }
    once = _once(project, service, left)
    workers: list[str] = []
    steady: list[str] = []
    for name, item in project.services.items():
        if name == service.name or name in left or name in once:
            continue
        again = _ours(project, item, service) and not _STEADY.search(_made_of(item))
        (workers if again else steady).append(name)
    found += _behind(project, service, workers)
    chosen = port or _port(service, found)
    found += _told(project, workers, steady, once, left)
    return Roles(
        service.name, chosen, tuple(workers), tuple(steady), once, tuple(left), tuple(found)
    )


def check_profiles(project: Project, every: Project) -> None:
    """Refuse a project of which no service is on that could be the web, but some is off.

    Args:
        every: the project as if all profiles were on.

    Raises:
        DetectionError: with the profiles that can be switched on.
    """
    if any(_may_be_web(item) for item in project.services.values()):
        return
    off = sorted(
        (item for item in every.services.values() if _may_be_web(item)),
        key=lambda item: -_score(item)[0],
    )
    # Each once, those of what looks most like the web first.
    names = list(dict.fromkeys(name for item in off for name in item.raw.get("profiles") or ()))
    if names:
        raise DetectionError(
            "no service of the app is on: profiles that are off hold"
            f" {', '.join(item.name for item in off)}",
            hint=f'holdfast.toml: [compose] profiles = ["{names[0]}"] switches one on, holdfast'
            f" env set COMPOSE_PROFILES likewise; there are {', '.join(names)}",
        )


def check_published(roles: Roles, names: Iterable[str]) -> None:
    """Refuse ports that stay open of services that have none to keep.

    Raises:
        DetectionError: no such service runs here, or it is the web, which the edge is before.
    """
    there = (*roles.workers, *roles.steady)
    for name in names:
        if name == roles.web:
            raise DetectionError(
                f"holdfast.toml: [compose] publish: {name} is the web, which is reached through"
                " the edge",
                hint="ports 80 and 443 are the edge's; take it out of the list",
            )
        if name not in there:
            raise DetectionError(
                f"holdfast.toml: [compose] publish: no service {name!r} runs on the server",
                hint=f"there are: {', '.join(there) or 'none besides the web'}",
            )


def _web(project: Project, asked: str | None, found: list[Finding]) -> Service:
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
    scored = sorted(
        ((*_score(item), item) for item in project.services.values() if _may_be_web(item)),
        key=lambda entry: -entry[0],
    )
    if not scored or not scored[0][0]:
        raise DetectionError(
            "no service of the Compose project looks like the web: none publishes or exposes"
            " a port, and none has a build",
            hint='name it in holdfast.toml: [compose] web = "NAME" and port = 8000',
        )
    if len(scored) > 1 and scored[0][0] == scored[1][0]:
        names = ", ".join(item.name for points, _, item in scored if points == scored[0][0])
        raise DetectionError(
            f"several services may be the web: {names}",
            hint='say which one in holdfast.toml: [compose] web = "NAME"',
        )
    _, why, item = scored[0]
    found.append(Finding("web", item.name, f"it {', '.join(why)}"))
    return item


def stays_up(image: str) -> bool:
    """Whether it is a database, a cache, a broker or a tool by its image's name."""
    return bool(_STEADY.search(image) or _TOOLS.search(image))


def _may_be_web(item: Service) -> bool:
    return not (_STEADY.search(_made_of(item)) or _development(item))


def _made_of(item: Service) -> str:
    """The image it is of, by its name; where it is built, the one that the build begins with."""
    return (base(item.build) if item.build is not None else "") or item.image


def _once(project: Project, web: Service, left: Mapping[str, str]) -> tuple[str, ...]:
    """What runs to its end before others start, in the order in which one waits for the other."""
    found: list[str] = []

    def wait(item: Service, waiting: frozenset[str]) -> None:
        for name in item.completes:
            other = project.services.get(name)
            if other is None or name in {*found, *left, *waiting} or not _ours(project, other, web):
                continue
            wait(other, waiting | {name})
            found.append(name)

    for item in (web, *project.services.values()):
        if item.name not in left:
            wait(item, frozenset({item.name}))
    return tuple(found)


def _score(item: Service) -> tuple[int, list[str]]:
    why = []
    points = 0
    if item.published:
        points += 8
        why.append(f"publishes port {item.published[0][0]}")
    if item.build is not None:
        points += 4
        why.append("is built here")
    if item.exposed:
        points += 3
        why.append(f"exposes port {item.exposed[0]}")
    if item.name in _WEB_NAMES:
        points += 2
        why.append("is called so")
    elif any(item.name.startswith(name) or item.name.endswith(name) for name in _WEB_NAMES):
        points += 1
    return points, why


def _port(item: Service, found: list[Finding]) -> int | None:
    """The port in the container, in the order in which people mean it."""
    if (said := item.labels.get(LABEL_PORT, "")).isdigit():
        found.append(Finding("port", said, f"the label {LABEL_PORT} of {item.name}"))
        return int(said)
    if item.published:
        port = _http(item)
        found.append(Finding("port", str(port), f"{item.name} publishes it"))
        return port
    if item.exposed:
        found.append(Finding("port", str(item.exposed[0]), f"{item.name} exposes it"))
        return item.exposed[0]
    return None


def _http(item: Service) -> int:
    """Of the ports that it publishes the one for HTTP: said so, or the first that is no other's."""
    said = [one for one in item.raw.get("ports") or () if isinstance(one, Mapping)]
    named = [
        int(one["target"]) for one in said if "http" in (one.get("app_protocol"), one.get("name"))
    ]
    every = [port for port, _, _ in item.published]
    return next(iter([*named, *(port for port in every if port not in _OTHERS), *every]))


def _ours(project: Project, item: Service, web: Service) -> bool:
    """Whether it runs the app's own code: built here, of an image that is, or of the web's."""
    if item.build is not None:
        return True
    built = {other.image for other in project.services.values() if other.build is not None}
    return bool(item.image) and item.image in {*built, web.image}


def _development(item: Service) -> str:
    """Why a service has nothing to do on the server; empty if it has."""
    if _TOOLS.search(item.image):
        return f"{item.image} is a tool of development"
    if _ROUTES.search(made := _made_of(item)):
        return f"{made}: the edge does what it does (domains, HTTPS, certificates)"
    if _WATCHES.search(item.said):
        return f"{item.said!r} watches files"
    return ""


def _behind(project: Project, web: Service, workers: list[str]) -> Iterator[Finding]:
    """An app behind a proxy that is somebody else's image: the two are not swapped as one."""
    behind = next((name for name in web.depends if name in workers), None)
    theirs = web.build is None and web.image != project.services[behind or web.name].image
    if behind is not None and (theirs or _PROXIES.search(_made_of(web))):
        why = (
            f"it passes requests on to {behind}, which is restarted with each release: they fail"
            f' meanwhile; holdfast.toml: [compose] web = "{behind}" lets the edge ask it itself'
        )
        yield Finding("in front", web.name, why, level="warning")


def _told(
    project: Project,
    workers: list[str],
    steady: list[str],
    once: tuple[str, ...],
    left: Mapping[str, str],
) -> Iterator[Finding]:
    for name in workers:
        yield Finding("worker", name, "runs the app's own image; restarted with each release")
    for name in steady:
        image = _made_of(project.services[name])
        yield Finding("service", name, f"{image} stays up from release to release")
    for name in once:
        waits = next(item.name for item in project.services.values() if name in item.completes)
        yield Finding("release command", name, f"{waits} waits until it has ended well")
    for name, why in left.items():
        yield Finding("left out", name, why)
