"""What to say of keys and tables that the schema does not have. Loaded for wrong configs only."""

from __future__ import annotations

from holdfast.config import models
from holdfast.config.tables import readers
from holdfast.config.words import nearest, plain
from holdfast.config.wrong import bare

_KEYS = {
    "bin": "web.command",
    "cmd": "web.command",
    "start": "web.command",
    "start_command": "web.command",
    "run": "web.command",
    "entrypoint": "web.command",
    "body_limit": "web.max_body",
    "client_max_body_size": "web.max_body",
    "max_body_size": "web.max_body",
    "max_request_body": "web.max_body",
    "healthcheck": "web.health",
    "health_check": "web.health",
    "health_path": "web.health",
    "healthcheck_path": "web.health",
    "gzip": "web.compress",
    "compression": "web.compress",
    "error_pages": "web.pages",
    "queue": "web.max_line",
    "static_files": "web.static",
    "static_paths": "web.static",
    "allow": "web.maintenance_allow",
    "domain": "app.domains",
    "hostname": "app.domains",
    "hosts": "app.domains",
    "server_name": "app.domains",
    "url": "app.domains",
    "app": "app.name",
    "service": "app.name",
    "machine": "app.server",
    "servers": "app.server",
    "python_version": "app.python",
    "build_command": "build.commands",
    "build_commands": "build.commands",
    "install": "build.commands",
    "requirement": "build.requirements",
    "requirements_file": "build.requirements",
    "dependencies": "build.packages",
    "extra_packages": "build.packages",
    "release_command": "release.command",
    "migrate": "release.command",
    "migrations": "release.command",
    "pre_deploy": "release.command",
    "volumes": "persist.paths",
    "mounts": "persist.paths",
    "shared": "persist.paths",
    "linked_dirs": "persist.paths",
    "linked_files": "persist.paths",
    "keep_releases": "deploy.keep",
    "releases": "deploy.keep",
    "retain_containers": "deploy.keep",
    "drain_timeout": "deploy.drain",
    "max_hold": "deploy.longest_hold",
    "hold_timeout": "deploy.longest_hold",
    "ssl_certificate": "tls.certificate",
    "cert": "tls.certificate",
    "ssl_certificate_key": "tls.key",
    "certificate_key": "tls.key",
    "letsencrypt": "tls.acme",
    "lets_encrypt": "tls.acme",
    "acme_email": "tls.email",
}
"""What other tools call it, or a likely guess, and where it stands here."""

_KEYS_OF = {
    ("web", "timeout"): "web.read_timeout",
    ("web", "drain"): "deploy.drain",
    ("release", "commands"): "release.command",
    ("deploy", "timeout"): "deploy.longest_hold",
    ("deploy", "server"): "app.server",
    ("processes", "env"): "env",
}

_REMARKS = {
    **dict.fromkeys(
        ("port", "bind", "address", "listen_port", "app_port", "socket"),
        "Holdfast chooses the address; the command listens on $HOLDFAST_SOCKET, "
        'or on 127.0.0.1:$PORT with [web] listen = "port"',
    ),
    **dict.fromkeys(
        ("workers", "threads", "concurrency", "worker_class", "processes_count"),
        "that is the app server's own option; put it in [web] command",
    ),
    **dict.fromkeys(
        ("replicas", "instances", "scale"), "there is one web process; its server has the workers"
    ),
    "host": "the site's name belongs in [app] domains, the machine in [app] server",
    "procfile": "a Procfile is found by itself; what it cannot say belongs in [processes]",
    **dict.fromkeys(
        ("secrets", "secret", "env_file", "dotenv"),
        "secrets are kept on the server: `holdfast env set NAME`, `holdfast env import FILE`",
    ),
    **dict.fromkeys(
        ("ssl", "https", "tls"),
        "HTTPS comes by itself; what there is to say of it belongs in [tls]",
    ),
    **dict.fromkeys(
        ("image", "dockerfile", "registry", "builder"), "Holdfast builds from source, no image"
    ),
    **dict.fromkeys(
        ("database", "databases", "postgres", "redis", "services", "accessories"),
        "services are not available yet; name theirs by URL: `holdfast env set DATABASE_URL`",
    ),
    **dict.fromkeys(
        ("branch", "repo", "repository", "git"), "what is in this directory is deployed"
    ),
    **dict.fromkeys(
        ("cron", "schedule", "jobs"), "a scheduler is a process: put it in [processes]"
    ),
    "user": 'it is part of [app] server: "user@host"',
    "tool": "[tool.holdfast] is for pyproject.toml; here [app], [web], … stand by themselves",
    "holdfast": "here [app], [web], … stand by themselves",
}
"""Words that have no place here, and what to do instead."""

_TABLES = {
    "application": "app",
    "project": "app",
    "proxy": "web",
    "http": "web",
    "nginx": "web",
    "edge": "web",
    "static": "web.static",
    "process": "processes",
    "workers": "processes",
    "environment": "env",
    "vars": "env",
    "variables": "env",
    "envs": "env",
    "volumes": "persist",
    "storage": "persist",
    "persistent": "persist",
    "deployment": "deploy",
    "builds": "build",
    "migrate": "release",
}
_ENVIRONMENTS = ("staging", "production", "prod", "development", "dev", "test", "preview", "qa")
_PROCESSES = ("worker", "beat", "celery", "scheduler", "rq", "huey", "dramatiq")


def unknown(table: str, key: str, *, is_table: bool) -> str:
    """What to say of a key that ``table`` (``""``: the whole file) does not have.

    Args:
        is_table: it holds keys of its own.
    """
    if is_table:
        return "no such table; " + _table_instead(key)
    return "no such key; " + _key_instead(table, key)


def _table_instead(name: str) -> str:
    word = plain(name)
    tables = list(readers(models.Config))
    if word in _ENVIRONMENTS:
        return f"what is said for one environment goes in holdfast.{name}.toml"
    if word in _PROCESSES:
        return f'processes stand in [processes]: {bare(name)} = "…", or [processes.{bare(name)}]'
    if near := _TABLES.get(word) or nearest(name, tables):
        return f"did you mean [{near}]?"
    return _REMARKS.get(word) or f"the tables are {_tables()}"


def _key_instead(table: str, key: str) -> str:
    keys = _schema()
    word = plain(key)
    table = table.partition(".")[0]  # processes.worker is one of the processes
    own = keys.get(table, ())
    meant = _KEYS_OF.get((table, word))
    if not meant and (near := nearest(key, own)):
        return f"did you mean `{near}`?"
    homes = [other for other, names in keys.items() if word in names and other != "processes"]
    if not meant and homes:
        return "it belongs in " + " or ".join(f"[{home}]" for home in homes)
    if meant := meant or _KEYS.get(word):
        return _place(meant, table, key)
    return _REMARKS.get(word) or _far(key, table, keys) or _what_there_is(table, own)


def _schema() -> dict[str, tuple[str, ...]]:
    """The keys of every table that has keys of its own."""
    named = {"app": models.App, "web": models.Web, "build": models.Build}
    rest = {"release": models.Release, "persist": models.Persist, "deploy": models.Deploy}
    tables = {**named, **rest, "django": models.Django, "processes": models.Process}
    return {name: tuple(readers(model)) for name, model in tables.items()}


def _place(meant: str, table: str, key: str) -> str:
    """Where ``key`` belongs: ``meant`` is ``table.key``, or a table."""
    target, _, name = meant.partition(".")
    if not name:
        return f"it belongs in [{target}]"
    if target == table:
        return f"did you mean `{name}`?"
    return f"it belongs in [{target}]" + (f" and is called `{name}`" if name != key else "")


def _far(key: str, table: str, keys: dict[str, tuple[str, ...]]) -> str | None:
    """A slip of a key of another table."""
    for other, names in keys.items():
        if other not in (table, "processes") and (near := nearest(key, names)):
            return f"did you mean `{near}`, in [{other}]?"
    return None


def _what_there_is(table: str, own: tuple[str, ...]) -> str:
    return f"[{table}] has {', '.join(own)}" if own else f"the tables are {_tables()}"


def _tables() -> str:
    return ", ".join(f"[{name}]" for name in readers(models.Config))
