"""A notebook to share: write a note, pin it, find it again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response

from notes import api, pages
from notes.csrf import refuse_cross_site
from notes.models import db, migrate

VERSION = "1"


def create_app(config: Mapping[str, Any] | None = None) -> Flask:
    """The application; ``config`` overrides what the environment says (tests do)."""
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY=os.environ.get("SECRET_KEY") or ("dev" if app.debug else None),
        # A relative SQLite URL lies in the instance folder (Flask-SQLAlchemy).
        SQLALCHEMY_DATABASE_URI=os.environ.get("DATABASE_URL", "sqlite:///notes.db"),
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.config.from_mapping(config or {})
    db.init_app(app)
    migrate.init_app(app, db)
    app.before_request(refuse_cross_site)
    app.after_request(_name_version)
    app.context_processor(lambda: {"version": VERSION})
    app.register_blueprint(pages.bp)
    app.register_blueprint(api.bp)
    return app


def _name_version(response: Response) -> Response:
    response.headers["X-App-Version"] = VERSION
    return response
