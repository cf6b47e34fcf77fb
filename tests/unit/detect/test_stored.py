"""What code keeps on disk, by its files and the variables that it gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.detect import stored
from holdfast.detect.tree import Tree

MANAGE = """\
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
from django.core.management import execute_from_command_line
"""
SETTINGS = """\
import os
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
DATABASES = {"default": {
    "ENGINE": os.environ.get("SQL_ENGINE", "django.db.backends.sqlite3"),
    "NAME": os.environ.get("SQL_DATABASE", BASE_DIR / "db.sqlite3"),
}}
MEDIA_ROOT = os.path.join(BASE_DIR, "media")
"""
CONFIG = """\
import os
here = os.path.abspath(os.path.dirname(__file__))
class Config:
    SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL") or \\
        "sqlite:///" + os.path.join(here, "app.db")
"""
FLASK = """\
from flask import Flask
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///site.db"
app.config["UPLOAD_FOLDER"] = "static/uploads"
"""
FASTAPI = """\
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    database_url: str = "sqlite+aiosqlite:///./shop.db"
"""
CONNECTS = "import sqlite3\nsqlite3.connect('a.db')\nsqlite3.connect(':memory:')\n"
GETENV = "from os import getenv\nURL = getenv('DB', 'sqlite:///a.db')\n"
DJANGO = {"manage.py": MANAGE, "shop/settings.py": SETTINGS}
POSTGRES = {"DATABASE_URL": "postgresql://db/shop"}


@pytest.mark.parametrize(
    ("files", "env", "paths"),
    [
        (DJANGO, {}, {"db.sqlite3", "media"}),
        (DJANGO, {"SQL_ENGINE": "django.db.backends.postgresql", "SQL_DATABASE": "x"}, {"media"}),
        (
            {
                "manage.py": MANAGE,
                "shop/settings/base.py": SETTINGS.replace("parent.parent", "parent.parent.parent"),
                "shop/settings/production.py": "from .base import *\n",
            },
            {"DJANGO_SETTINGS_MODULE": "shop.settings.production"},
            {"db.sqlite3", "media"},
        ),
        ({"config.py": CONFIG}, {}, {"app.db"}),
        ({"config.py": CONFIG}, POSTGRES, set()),
        ({"app.py": FLASK}, {}, {"site.db", "instance", "instance/site.db", "static/uploads"}),
        ({"app/config.py": FASTAPI}, {}, {"shop.db"}),
        ({"app/config.py": FASTAPI}, POSTGRES, set()),
        ({"db.py": GETENV}, {"DB": "x"}, set()),
        ({"db.py": CONNECTS}, {}, {"a.db"}),
        ({"tests/db.py": CONNECTS}, {}, set()),
        ({}, {"DATABASE_URL": "sqlite:////data/x.db", "DB": "y.db", "DB_HOST": "my.db"},
         {"/data/x.db", "y.db"}),
        ({}, {"UPLOAD_DIR": "/data/up/", "MEDIA_URL": "/media/"}, {"/data/up"}),
    ],
)  # fmt: skip
def test_paths_that_are_written_to(
    tmp_path: Path, files: dict[str, str], env: dict[str, str], paths: set[str]
) -> None:
    """With the variables that the container gets: a database elsewhere is no file here."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert {item.path for item in stored.find(Tree(tmp_path), env)} == paths
