"""Ask Django's settings, and whether its application can be made."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from typing import Any

from holdfast.detect.asks.common import aside, ask_pending, enter, place, ready
from holdfast.detect.asks.django_static import SETTINGS, collected, reads_static_files


def ask(given: Any) -> dict[str, Any]:
    candidate = given["candidates"][0]
    enter(candidate)
    for name, value in given["env"].items():
        os.environ.setdefault(name, value)
    before = dict(os.environ)
    if candidate["module"].startswith("django.core."):
        import django

        django.setup()
    else:
        importlib.import_module(candidate["module"])
    from django.conf import settings

    need_pillow()
    manage = os.environ.get("HOLDFAST_ASK_COLLECT")
    early = reads_static_files(candidate["module"], settings)
    if not early:
        ready()
    answer = about(settings)
    answer["reads_static"] = early
    if manage:
        with aside():
            answer.update(collected(manage, before))
        ready()
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
        "insecure_key": insecure_key(settings),
        "local_static": local_static(apps),
        "trusted_origins": list(settings.CSRF_TRUSTED_ORIGINS),
        "version": version(),
        "compress": compresses(settings, apps),
    }
    answer.update(databases(settings.DATABASES))
    return answer


def version() -> list[int]:
    import django

    return list(django.VERSION[:2])


def insecure_key(settings: Any) -> str:
    """What Django's own check W009 (and E: none at all) has against the key; else nothing."""
    from django.core.exceptions import ImproperlyConfigured

    try:
        key = str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return "there is none"
    if not key:
        return "there is none"
    if key in os.environ.values():
        return ""  # whoever runs the app chose it
    if key.startswith("django-insecure-"):
        return "it stands in the code, where whoever reads the code can forge sessions"
    if len(key) < 50 or len(set(key)) < 5:
        return "it is too short to be a secret (Django's security.W009)"
    return ""


def local_static(apps: Any) -> bool:
    """Whether static files are collected into a directory; S3 and its like need credentials."""
    if "django.contrib.staticfiles" not in apps:
        return True
    try:
        from django.contrib.staticfiles.storage import StaticFilesStorage, staticfiles_storage

        return isinstance(staticfiles_storage, StaticFilesStorage)
    except Exception:
        return False


def compresses(settings: Any, apps: Any) -> str:
    """When django-compressor fails without what ``manage.py compress`` makes; empty: never.

    It is switched off by DEBUG, unless the settings themselves say whether it is on. Without
    a template that wants it the command fails, and nobody misses what it makes.
    """
    if "compressor" not in apps or not getattr(settings, "COMPRESS_OFFLINE", False):
        return ""
    own = sys.modules.get(os.environ.get(SETTINGS, ""))
    said = getattr(own, "COMPRESS_ENABLED", None)
    if said is False or not wants_compressing(settings):
        return ""
    return "always" if said else "unless DEBUG"


def wants_compressing(settings: Any) -> bool:
    """Whether a template of the project or of one of its apps holds ``{% compress %}``."""
    from django.template.utils import get_app_template_dirs

    tag = re.compile(rb"\{%-?\s*compress\s")
    folders = [folder for item in settings.TEMPLATES for folder in item.get("DIRS", ())]
    for folder in [*folders, *get_app_template_dirs("templates")]:
        for root, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(OSError), open(os.path.join(root, name), "rb") as file:
                    if tag.search(file.read()):
                        return True
    return False


def need_pillow() -> None:
    """Models with images pass no system check without Pillow: ``migrate`` would end with it."""
    from importlib.util import find_spec

    from django.apps import apps
    from django.db.models import ImageField

    fields = (field for model in apps.get_models() for field in model._meta.local_fields)  # noqa: SLF001  (Django documents it)
    if find_spec("PIL") is None and any(isinstance(field, ImageField) for field in fields):
        raise ModuleNotFoundError("No module named 'PIL' (ImageField)", name="PIL")


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
            # a slug would match any word
            if not match.kwargs and not match.args and takes_get(match.func):
                found.append(form)
                break
    return found


def takes_get(view: Any) -> bool:
    """Whether a view takes GET, as far as it says: a class by its methods (Django's, and REST
    framework's ``cls`` and ``actions``), a function by ``require_POST`` and its like."""
    actions = getattr(view, "actions", None)
    if isinstance(actions, dict):
        return "get" in actions
    kind = getattr(view, "view_class", None) or getattr(view, "cls", None)
    if isinstance(kind, type):
        return hasattr(kind, "get")
    while view is not None:
        code = getattr(view, "__code__", None)
        if code is not None and "request_method_list" in code.co_freevars:
            place = code.co_freevars.index("request_method_list")
            return "GET" in view.__closure__[place].cell_contents
        view = getattr(view, "__wrapped__", None)
    return True


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
