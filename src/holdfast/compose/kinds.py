"""What a service is by its image, its name and its command: a database, a tool, a worker, …"""

from __future__ import annotations

import re

from holdfast.compose import dockerfile
from holdfast.compose.project import Project, Service

_STEADY = re.compile(
    r"(?:^|/)(?:postgres(?:ql)?|postgis|pgvector|pgautoupgrade|timescaledb(?:-ha)?|cockroach|mysql"
    r"|mariadb|percona|redis(?:mod|-stack(?:-server)?)?|valkey|keydb|dragonfly|memcached|rabbitmq"
    r"|mosquitto|mongo(?:db)?|solr|elasticsearch|opensearch|meilisearch|typesense|minio|nats|kafka"
    r"|cp-kafka|zookeeper|cp-zookeeper|clickhouse(?:-server)?|influxdb|couchdb|cassandra|neo4j"
    r"|pgbouncer|etcd|vault|qdrant|weaviate|localstack)"
    r"(?:[:@-]|$)",
    re.IGNORECASE,
)
"""Images of databases, caches and brokers: never the web, whatever port they publish."""

_TOOLS = re.compile(
    r"(?:^|/)(?:mailhog|mailpit|maildev|mailcatcher|adminer|pgadmin4?|phpmyadmin|redis-commander"
    r"|redisinsight|mongo-express|selenium|standalone-chrome|browser-sync|watchtower|code-server)"
    r"(?:[:@-]|$)",
    re.IGNORECASE,
)
_ROUTES = re.compile(
    r"(?:^|/)(?:traefik|nginx-proxy|nginx-proxy-manager|acme-companion|caddy-docker-proxy|swag"
    r"|letsencrypt-nginx-proxy-companion|https-portal|certbot)(?:[:@-]|$)",
    re.IGNORECASE,
)
"""Images that lead domains to services and get certificates for them, as the edge does."""

_WATCHES = re.compile(
    r"--watch\b|\bwatchmedo\b|\bnodemon\b|\bwebpack(?:-dev-server| serve)\b"
    r"|\b(?:npm|pnpm|yarn) (?:run )?(?:dev|watch)\b|\btailwindcss\b.* -w\b|\bvite(?: dev)?$",
)
_TESTS = re.compile(r"^(?:pytest|tox|nox)\b|\bmanage\.py test\b")
_WORKS = re.compile(
    r"(?:^|[\W_])(?:celery\w*|worker\w*|beat|rq(?:worker)?|dramatiq|huey|arq|flower|scheduler|cron"
    r"|consumer)(?:$|[\W_])",
    re.IGNORECASE,
)
_SHELL = re.compile(r"(?:/usr)?(?:/bin/)?(?:ba|z|da)?sh|(?:/bin/)?ash|i?python[\d.]*|node|irb")
_BARE = re.compile(r"(?:python|node|debian|ubuntu|alpine|busybox|aws-?cli[\w-]*)(?::|$)")
"""Images that start an interpreter or a shell if nothing is said, or say how they are used."""

_DEAF = re.compile(
    r"sh -\w*c\b.*;|\bpython[\d.]*\s+(?:-u\s+)?\S+\.py\b|\bflask\s+(?:\S+\s+)*run\b"
    r"|\bpython[\d.]*\s+(?:-u\s+)?-m\s+(?:flask|http\.server)\b",
    re.DOTALL,
)
_OWN_INIT = re.compile(r"\b(?:s6|tini|dumb-init|runit|runsvdir|supervisord|systemd)\b|^/init\b")

_FLOWER = re.compile(r"\bflower\b", re.IGNORECASE)

_ENDS = re.compile(
    r"\bmanage\.py['\", ]+(?:migrate|collectstatic|createsuperuser|loaddata|seed\w*|compress)"
    r"|\bflask['\", ]+(?:db['\", ]+upgrade|seed\w*|init-?db)|\balembic\b.*\bupgrade\b"
    r"|\bmc (?:mb|alias|config)\b"
    r"|^(?:(?:/bin/)?(?:ba)?sh -c )?[\"']?(?:cp|rsync|mkdir|chown|chmod) "
    r"|\b(?:init|create|seed|setup|populate|migrate)\w*[_-]?(?:db|data|tables?)?\.(?:py|sh)\b",
    re.IGNORECASE,
)
_ENDING_NAMES = re.compile(
    r"(?:^|[-_.])(?:migrat\w*|init|initdb|seed\w*|setup|bootstrap|prestart|provision\w*|create\w*"
    r"|collectstatic|loaddata|fixtures?|superuser)(?:$|[-_.])",
    re.IGNORECASE,
)
_RUNS_ON = re.compile(
    r"\b(?:gunicorn|uvicorn|hypercorn|daphne|granian|uwsgi|waitress|runserver|celery|rqworker|rq"
    r"|dramatiq|huey|arq|supervisord|flask['\", ]+run|nginx|tail -f|sleep infinity|crond?)\b"
)
_MIGRATES = re.compile(
    r"manage\.py['\", ]+migrate|flask['\", ]+db['\", ]+upgrade|alembic\b.*\bupgrade"
    r"|\bmigrate --no-?input"
)


def made_of(item: Service) -> str:
    """The image it is of, by its name; where it is built, the one that the build begins with."""
    return (dockerfile.base(item.build) if item.build is not None else "") or item.image


def keeps(item: Service) -> bool:
    """Whether it is a database, a cache or a broker."""
    return bool(_STEADY.search(made_of(item)))


def stays_up(image: str) -> bool:
    """Whether it is a database, a cache, a broker or a tool by its image's name."""
    return bool(_STEADY.search(image) or _TOOLS.search(image))


def development(item: Service) -> str:
    """Why a service has nothing to do on the server; empty if it has."""
    copies = (item.raw.get("deploy") or {}).get("replicas", item.raw.get("scale"))
    if str(copies) == "0":
        return "its project wants no copy of it (replicas: 0)"
    if _TOOLS.search(item.image):
        return f"{item.image} is a tool of development"
    if _ROUTES.search(made := made_of(item)):
        return f"{made}: the edge does what it does (domains, HTTPS, certificates)"
    if _WATCHES.search(item.said):
        return f"{item.said!r} watches files"
    if _TESTS.search(item.said):
        return f"{item.said!r} runs tests"
    return ""


def by_hand(item: Service) -> str:
    """Why a service is one that a person runs (``docker compose run``); empty if it is not.

    A shell, or an interpreter, without anything to run ends at once where nobody types.
    """
    if item.build is None or item.said or item.published or item.exposed or item.check:
        return ""
    started = dockerfile.started(item.build)
    if started is None:
        made = made_of(item).rpartition("/")[2]
        if not _BARE.match(made):
            return ""
        return f"{made} starts nothing that goes on"
    if started and not _SHELL.fullmatch(started):
        return ""
    return f"its image starts {started or 'nothing'}, which ends where nobody types"


def deaf(item: Service) -> bool:
    """Whether what it starts hears no TERM: as process 1 of a container a shell does not pass it
    on, and Python does not end by it. Then each stop waits for KILL (pid_namespaces(7)).
    """
    if item.build is None or item.raw.get("init") is not None:
        return False
    said = f"{item.said} {dockerfile.started(item.build) or ''}" if not item.command else item.said
    return bool("&&" in said or _DEAF.search(said)) and not _OWN_INIT.search(said)


def builder(project: Project, item: Service) -> Service:
    """The service that builds its image; itself if none does."""
    if item.build is None and item.image:
        for other in project.services.values():
            if other.build is not None and other.image == item.image:
                return other
    return item


def works(item: Service) -> bool:
    """Whether it does its work behind the scenes, by its name or its command."""
    return bool(_WORKS.search(item.name) or _WORKS.search(item.said))


def watches_workers(item: Service) -> bool:
    """Whether it shows what workers do (Flower), whatever port it publishes."""
    return bool(_FLOWER.search(item.name) or _FLOWER.search(item.said))


def ends(item: Service) -> str:
    """Why a service is one that does its work once and ends; empty if it goes on."""
    serves = item.published or item.exposed or item.check
    if item.restart not in ("", "no") or serves or _RUNS_ON.search(item.said):
        return ""
    if _ENDS.search(item.said):
        return "by its command"
    if item.restart == "no" and not works(item):
        return 'restart: "no"'
    return "by its name" if _ENDING_NAMES.search(item.name) else ""


def migrates(item: Service) -> bool:
    """Whether its command changes the database's schema, and does nothing else for long."""
    said = _MIGRATES.search(item.said) or re.search(r"migrat", item.name, re.IGNORECASE)
    return bool(said) and bool(ends(item))


def runs_migrations(line: str) -> bool:
    """Whether a line of a script or a command migrates a database."""
    return bool(_MIGRATES.search(line))
