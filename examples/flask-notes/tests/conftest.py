from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade

from notes import create_app


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """An app with a database of its own, made by the migrations themselves."""
    url = f"sqlite:///{tmp_path}/notes.db"
    app = create_app({"TESTING": True, "SECRET_KEY": "test", "SQLALCHEMY_DATABASE_URI": url})
    with app.app_context():
        upgrade()
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
