"""Why a release does not come up, from what frameworks and servers really print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from holdfast.deploy.causes import Failure, likely
from tests.unit.deploy.samples import sample_release

SPEC = sample_release().spec
TRACEBACK = 'Traceback (most recent call last):\n  File "app.py", line 3, in <module>\n'


@pytest.mark.parametrize(
    ("failure", "cause", "do"),
    [
        (
            Failure(
                "Invalid HTTP_HOST header: 'notes.example.com'. You may need to add"
                " 'notes.example.com' to ALLOWED_HOSTS.",
                status=400,
            ),
            "its host check refuses notes.example.com",
            'ALLOWED_HOSTS = ["notes.example.com"]',
        ),
        (Failure("", status=400, text="Invalid host header"), "its host check refuses", "Trusted"),
        (Failure("", status=400, text="Bad Request"), "a host check may refuse", "ALLOWED_HOSTS"),
        (
            Failure("", status=301, location="https://notes.localhost/", scheme="https"),
            "it redirects to itself (https://notes.localhost/)",
            "SECURE_PROXY_SSL_HEADER",
        ),
        (
            Failure(TRACEBACK + "KeyError: 'STRIPE_KEY'"),
            "the variable STRIPE_KEY is not set",
            "holdfast env set STRIPE_KEY",
        ),
        (
            Failure(TRACEBACK + "decouple.UndefinedValueError: API_KEY not found. Declare it"),
            "the variable API_KEY is not set",
            "holdfast env set API_KEY",
        ),
        (
            Failure(TRACEBACK + "ModuleNotFoundError: No module named 'yaml.loader'"),
            "the module yaml.loader is not there",
            "add yaml to the dependencies",
        ),
        (
            Failure(TRACEBACK + "ImportError: cannot import name 'x' from 'y'"),
            "its code cannot be imported: ImportError: cannot import name 'x' from 'y'",
            "the log says where",
        ),
        (
            Failure("django.db.utils.OperationalError: no such table: polls_vote", status=500),
            "the database has no table polls_vote",
            "[release] command",
        ),
        (
            Failure('psycopg.errors.UndefinedTable: relation "note" does not exist', status=500),
            "the database has no table note",
            "[release] command",
        ),
        (
            Failure("psycopg.OperationalError: connection to server failed: Connection refused"),
            "its database does not answer",
            "holdfast env list",
        ),
        (
            Failure("[INFO] Listening at: http://127.0.0.1:8000 (7)", address="unix:/r/web.a.sock"),
            "it listens elsewhere: http://127.0.0.1:8000",
            "must listen on $HOLDFAST_SOCKET",
        ),
        (Failure("", exit_status=-9), "it was killed", "fewer workers"),
        (
            Failure(TRACEBACK + "sqlalchemy.exc.ArgumentError: Could not parse URL"),
            "it fails with sqlalchemy.exc.ArgumentError: Could not parse URL",
            "the log says where",
        ),
    ],
)
def test_likely_causes(failure: Failure, cause: str, do: str) -> None:
    """Each with what to do."""
    found = likely(replace(SPEC, release=None), failure)
    assert found is not None
    assert cause in found.cause
    assert do in found.do


@pytest.mark.parametrize(
    "failure",
    [
        Failure("Booting worker with pid: 7", status=500),
        Failure("Listening at: unix:/r/web.a.sock (7)", address="unix:/r/web.a.sock"),
        Failure("Listening at: http://127.0.0.1:31000 (7)", address="127.0.0.1:31000"),
        Failure("KeyError: 'name'", exit_status=0, status=200),
        Failure("", status=301, location="https://notes.localhost/", scheme="http"),
    ],
)
def test_nothing_is_made_up(failure: Failure) -> None:
    """Where nothing points to a cause none is named (or only the exception itself)."""
    found = likely(SPEC, failure)
    assert found is None or found.cause == "it fails with KeyError: 'name'"


def test_what_is_outside_and_nobody_has_set() -> None:
    """The variables are named, and one address that fills the parts of it."""
    failure = Failure("psycopg.OperationalError: connection to server failed: Connection refused")
    names = ("DBHOST", "DBNAME", "DBUSER")
    read = dict.fromkeys(names, "settings.py:8")
    found = likely(replace(SPEC, unset=read, split=names), failure)
    assert found is not None
    assert "3 variables are not set: DBHOST, DBNAME, DBUSER (settings.py:8)" in found.cause
    assert found.do == "holdfast env set DATABASE_URL   # fills DBHOST, DBNAME, DBUSER"
    alone = likely(replace(SPEC, unset={"REDIS_URL": "app.py:3"}), failure)
    assert alone is not None
    assert alone.do == "holdfast env set REDIS_URL"
