from __future__ import annotations

import sqlite3
import threading

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import check

import notes
from notes.models import db


def write(client: FlaskClient, title: str, body: str = "") -> int:
    answer = client.post("/api/notes", json={"title": title, "body": body})
    assert answer.status_code == 201
    return answer.get_json()["id"]


def test_form_keeps_a_note_and_shows_it(client: FlaskClient) -> None:
    answer = client.post("/notes", data={"title": "Milk", "body": "2 l"}, follow_redirects=True)
    assert "“Milk” is kept." in answer.text
    assert "2 l" in client.get("/notes/1").text


@pytest.mark.parametrize("title", ["", "   ", "x" * 201])
def test_form_wants_a_title(client: FlaskClient, title: str) -> None:
    answer = client.post("/notes", data={"title": title}, follow_redirects=True)
    assert "needs a title" in answer.text
    assert client.get("/api/notes").get_json()["count"] == 0


def test_search_wants_every_word_in_title_or_text(client: FlaskClient) -> None:
    write(client, "Shopping", "milk and 100% rye")
    write(client, "Milk prices")
    assert "Shopping" in client.get("/?q=milk+rye").text
    assert "Milk prices" not in client.get("/?q=milk+rye").text
    assert "Milk prices" not in client.get("/?q=%25").text


def test_pinned_notes_come_first(client: FlaskClient) -> None:
    first = write(client, "first")
    write(client, "second")
    client.post(f"/notes/{first}/pin")
    page = client.get("/").text
    assert page.index(">first<") < page.index(">second<")


def test_delete(client: FlaskClient) -> None:
    note = write(client, "secret")
    client.post(f"/notes/{note}/delete")
    assert client.get(f"/notes/{note}").status_code == 404


def test_long_lists_have_pages(client: FlaskClient) -> None:
    for number in range(21):
        write(client, f"note {number}")
    assert ">note 0<" not in client.get("/").text
    assert ">note 0<" in client.get("/?page=2").text


def test_api_keeps_the_same_note_twice(client: FlaskClient) -> None:
    write(client, "again")
    write(client, "again")
    write(client, "other")
    assert client.get("/api/notes?title=again").get_json()["count"] == 2
    assert client.get("/api/notes").get_json()["count"] == 3


def test_api_gives_a_note_whole(client: FlaskClient) -> None:
    note = write(client, "long", "text " * 1000)
    assert client.get(f"/api/notes/{note}").get_json()["body"] == "text " * 1000


@pytest.mark.parametrize("sent", [{}, {"title": ""}, {"title": 3}, [], "text"])
def test_api_says_what_is_wrong(client: FlaskClient, sent: object) -> None:
    answer = client.post("/api/notes", json=sent)
    assert answer.status_code == 400
    assert "title" in answer.get_json()["error"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 303),
        ({"Origin": "http://localhost"}, 303),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_forms_of_other_sites_are_refused(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    assert client.post("/notes", data={"title": "x"}, headers=headers).status_code == status


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/notes", "/api/notes/9", "/nowhere"])
def test_every_answer_names_the_version(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["X-App-Version"] == notes.VERSION


def test_models_and_migrations_agree(app: Flask) -> None:
    with app.app_context():
        check()


def test_a_write_waits_for_another_process(app: Flask) -> None:
    """The database is in WAL mode, and a writer that meets another waits its turn."""
    with app.app_context():
        path = db.engine.url.database
    other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
    write(app.test_client(), "patient")
