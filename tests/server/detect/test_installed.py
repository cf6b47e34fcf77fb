"""Projects are really installed and their frameworks asked; needs the package index."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from holdfast.app import AppSpec
from holdfast.config import App, Config
from holdfast.errors import DetectionError
from tests.server.detect.installed import Detected, detect
from tests.unit.detect.cases import Case, load
from tests.unit.detect.test_projects import of_project, of_spec

CASES = [load(path) for path in sorted((Path(__file__).parent / "projects").glob("*.txt"))]
EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_framework_says_the_rest(case: Case, tmp_path: Path) -> None:
    """Installed with uv and asked, each key of ``expect`` holds."""
    root = case.write(tmp_path)
    if "error" in case.expect:
        with pytest.raises(DetectionError) as raised:
            detect(root, case.settings(), tmp_path / "env")
        assert case.expect["error"] in raised.value.message
        assert case.expect["hint"] in (raised.value.hint or "")
        return
    found = shown(detect(root, case.settings(), tmp_path / "env"))
    assert not set(case.expect) - set(found), "a key that no test knows"
    assert {key: found[key] for key in case.expect} == case.expect


def shown(found: Detected) -> dict[str, Any]:
    answers = found.answers
    return {
        **of_project(found.project),
        **of_spec(found.spec),
        "chosen": answers.candidate.target if answers.candidate else "",
        "databases": list(answers.databases),
        "migrations": answers.migrate or "",
    }


EXPECTED: dict[str, dict[str, Any]] = {
    "flask-notes": {
        "framework": "flask",
        "health": "/healthz",
        "persist": ["instance/"],
        "static": {"/static/": "notes/static"},
        "release": ["flask --app notes:create_app db upgrade", "."],
        "generate": ["SECRET_KEY"],
        "warnings": [],
    },
    "django-polls": {
        "framework": "django",
        "health": "/healthz",
        "static": {"/static/": "staticfiles"},
        "build": ["python manage.py collectstatic --noinput"],
        "release": ["python manage.py migrate --noinput", "."],
        "generate": ["SECRET_KEY"],
    },
    "one-file-flask": {"framework": "flask", "app": "app:app", "server": "gunicorn"},
    "one-file-django": {
        "framework": "django",
        "app": "guestbook:application",
        "persist": ["guestbook.sqlite3"],
        "release": ["python guestbook.py migrate --noinput", "."],
    },
    "asgi-live": {
        "framework": "asgi",
        "server": "uvicorn",
        "health": "/healthz",
        "persist": [],
        "release": "",
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_the_examples_need_no_config(name: str, tmp_path: Path) -> None:
    """Every example app is understood whole without a word from the user."""
    source = tmp_path / name
    shutil.copytree(EXAMPLES / name, source, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
    config = Config(app=App(name=name, domains=(f"{name}.localhost",)))
    found = detect(source, config, tmp_path / "env")
    all_found = shown(found)
    assert {key: all_found[key] for key in EXPECTED[name]} == EXPECTED[name]
    if name == "django-polls":
        assert "db.sqlite3" in all_found["persist"]
    no_secret(found.spec)


def no_secret(spec: AppSpec) -> None:
    """What the probe was given to work with stands in no part of the spec."""
    assert "0123456789" * 5 not in repr(spec)
