"""Which service is what: the web, workers, what stays up, what runs once, what stays out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from holdfast.app import Finding
from holdfast.compose.project import Project, Service
from holdfast.errors import DetectionError

LABEL_WEB, LABEL_PORT = "holdfast.web", "holdfast.port"

_STEADY = re.compile(
    r"(?:^|/)(?:postgres|postgis|pgvector|timescaledb|mysql|mariadb|percona|redis|valkey|keydb"
    r"|memcached|rabbitmq|mongo|elasticsearch|opensearch|meilisearch|typesense|minio|nats|kafka"
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
_WATCHES = re.compile(
    r"--watch\b|\bwatchmedo\b|\bnodemon\b|\bwebpack(?:-dev-server| serve)\b"
    r"|\b(?:npm|pnpm|yarn) (?:run )?(?:dev|watch)\b|\btailwindcss\b.* -w\b|\bvite(?: dev)?$",
)
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
    once = tuple(
        name
        for name in service.completes
        if _ours(project, project.services[name]) and name not in left
    )
    workers: list[str] = []
    steady: list[str] = []
    for name, item in project.services.items():
        if name == service.name or name in left or name in once:
            continue
        (workers if _ours(project, item) else steady).append(name)
    chosen = port or _port(service, found)
    found += _told(project, workers, steady, once, left)
    return Roles(
        service.name, chosen, tuple(workers), tuple(steady), once, tuple(left), tuple(found)
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
    return not (_STEADY.search(item.image) or _development(item))


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
        http = [port for port, _, _ in item.published if port != 443]
        found.append(Finding("port", str((http or [443])[0]), f"{item.name} publishes it"))
        return (http or [443])[0]
    if item.exposed:
        found.append(Finding("port", str(item.exposed[0]), f"{item.name} exposes it"))
        return item.exposed[0]
    return None


def _ours(project: Project, item: Service) -> bool:
    """Whether it runs the app's own code: it is built here, or of an image that is."""
    if item.build is not None:
        return True
    built = {other.image for other in project.services.values() if other.build is not None}
    return bool(item.image) and item.image in built


def _development(item: Service) -> str:
    """Why a service has nothing to do on a server; empty if it has."""
    if _TOOLS.search(item.image):
        return f"{item.image} is a tool of development"
    if _WATCHES.search(item.said):
        return f"{item.said!r} watches files"
    return ""


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
        image = project.services[name].image
        yield Finding("service", name, f"{image} stays up from release to release")
    for name in once:
        yield Finding("release command", name, "the web waits until it has ended well")
    for name, why in left.items():
        yield Finding("left out", name, why)
