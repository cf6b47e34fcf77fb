"""Ask Django's settings, and whether its application can be made."""

from __future__ import annotations

import importlib
import os
from typing import Any

from holdfast.detect.asks.common import ask_pending, enter, place


def ask(given: Any) -> dict[str, Any]:
    candidate = given["candidates"][0]
    enter(candidate)
    for name, value in given["env"].items():
        os.environ.setdefault(name, value)
    if candidate["module"].startswith("django.core."):
        import django

        django.setup()
    else:
        importlib.import_module(candidate["module"])
    from django.conf import settings

    answer = about(settings)
    answer["routes"] = routes(candidate["health"])
    answer.update(chosen=0, failures=[])
    ask_pending(pending_migrations)
    return answer


def pending_migrations() -> list[str]:
    """What ``migrate`` would apply, database by database."""
    from django.db import connections
    from django.db.migrations.executor import MigrationExecutor

    found = []
    for alias in connections:
        executor = MigrationExecutor(connections[alias])
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        found += [str(migration) for migration, backwards in plan if not backwards]
    return list(dict.fromkeys(found))


def about(settings: Any) -> dict[str, Any]:
    apps = list(settings.INSTALLED_APPS)
    answer: dict[str, Any] = {
        "settings": os.environ.get("DJANGO_SETTINGS_MODULE"),
        "debug": bool(settings.DEBUG),
        "allowed_hosts": list(settings.ALLOWED_HOSTS),
        "apps": apps,
        "middleware": list(settings.MIDDLEWARE),
        "wsgi": settings.WSGI_APPLICATION,
        "asgi": getattr(settings, "ASGI_APPLICATION", None),
        "static_url": str(settings.STATIC_URL or ""),
        "static_root": place(settings.STATIC_ROOT),
        "media_url": str(settings.MEDIA_URL or ""),
        "media_root": place(settings.MEDIA_ROOT),
        "ssl_redirect": bool(settings.SECURE_SSL_REDIRECT),
        "proxy_ssl_header": bool(settings.SECURE_PROXY_SSL_HEADER),
        "insecure_key": str(settings.SECRET_KEY).startswith("django-insecure-"),
    }
    answer.update(databases(settings.DATABASES))
    return answer


def routes(wanted: Any) -> list[str]:
    """Which of the wanted paths the URL configuration knows, with or without a slash."""
    from django.urls import Resolver404, resolve

    found = []
    for path in wanted:
        for form in (path, path + "/"):
            try:
                match = resolve(form)
            except Resolver404:
                continue
            if not match.kwargs and not match.args:  # a slug would match any word
                found.append(form)
                break
    return found


def databases(configured: Any) -> dict[str, Any]:
    """SQLite files (a relative NAME counts from the working directory) and other engines."""
    files, others = [], []
    for alias, database in configured.items():
        engine = str(database.get("ENGINE") or "")
        name = database.get("NAME")
        if engine.endswith(("sqlite3", "spatialite")):
            if name and ":memory:" not in str(name) and "mode=memory" not in str(name):
                files.append([place(name), "DATABASES[%r]['NAME']" % alias])
        elif engine and not engine.endswith("dummy"):
            others.append(engine.rpartition(".")[2])
    return {"sqlite": files, "databases": sorted(set(others))}
