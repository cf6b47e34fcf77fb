"""Ask a Flask app: where it writes, what it serves, which databases and migrations it has."""

from __future__ import annotations

from os.path import isdir
from typing import Any

from holdfast.detect.asks.common import (
    NotThis,
    ask_pending,
    engines,
    first,
    place,
    rules,
    sqlite_of_url,
    statics,
)


def ask(given: Any) -> dict[str, Any]:
    return first(given, examine)


def examine(app: Any, candidate: Any) -> dict[str, Any]:
    from flask import Flask

    for name in ("server", "wsgi_app", "app", "application"):
        # Dash keeps its Flask app in the first, middleware what it wraps in the others.
        if not isinstance(app, Flask):
            app = getattr(app, name, app)
    if not isinstance(app, Flask):
        raise NotThis("%r is no Flask app" % type(app).__name__)
    answer: dict[str, Any] = {
        "instance": place(app.instance_path),
        "instance_used": isdir(app.instance_path) or str(app.config.root_path) == app.instance_path,
        "static": statics(app),
        "debug": bool(app.debug),
        "secret_key": bool(app.config.get("SECRET_KEY")),
        "upload": place(app.config.get("UPLOAD_FOLDER")),
        "migrate": migrate_directory(app),
        "server_name": app.config.get("SERVER_NAME"),
        "routes": rules(app),
    }
    answer.update(databases(app))
    answer["models"] = has_models(app)
    if answer["migrate"]:
        ask_pending(lambda: pending_revisions(app))
    return answer


def pending_revisions(app: Any) -> list[str]:
    """Alembic revisions that the database has not seen, oldest first."""
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    extension = app.extensions["migrate"]
    with app.app_context():
        scripts = ScriptDirectory.from_config(extension.migrate.get_config())
        with extension.db.engine.connect() as connection:
            heads = MigrationContext.configure(connection).get_current_heads()
    applied = {item.revision for head in heads for item in scripts.iterate_revisions(head, "base")}
    every = [item.revision for item in scripts.walk_revisions("base", "heads")]
    return [revision for revision in reversed(every) if revision not in applied]


def has_models(app: Any) -> bool:
    """Whether Flask-SQLAlchemy knows of tables."""
    extension = app.extensions.get("sqlalchemy")
    owner = getattr(extension, "db", extension)
    return bool(getattr(getattr(owner, "metadata", None), "tables", None))


def migrate_directory(app: Any) -> str | None:
    extension = app.extensions.get("migrate")
    directory = getattr(extension, "directory", None)
    return place(directory) if directory else None


def databases(app: Any) -> dict[str, Any]:
    """SQLite files and other databases, by the config and Flask-SQLAlchemy's engines."""
    found: dict[str, Any] = engines()
    for name, value in app.config.items():
        if isinstance(value, str) and value.endswith((".db", ".sqlite", ".sqlite3")):
            if "://" not in value:
                found["sqlite"].append([place(value), "the app's config has it: %s" % name])
    extension = app.extensions.get("sqlalchemy")
    if extension is not None:
        try:
            with app.app_context():
                for engine in all_engines(extension):
                    add(found, engine.url, "SQLALCHEMY_DATABASE_URI")
        except Exception as error:
            found["databases_failed"] = "%s: %s" % (type(error).__name__, error)
    return found


def all_engines(extension: Any) -> list[Any]:
    if hasattr(extension, "engines"):
        return list(extension.engines.values())
    return [getattr(extension, "db", extension).engine]


def add(found: dict[str, Any], url: Any, what: str) -> None:
    name = sqlite_of_url(url)
    if name:
        found["sqlite"] = [item for item in found["sqlite"] if item[0] != name] + [[name, what]]
    elif url.get_backend_name() != "sqlite":
        found["databases"] = sorted({*found["databases"], url.get_backend_name()})
