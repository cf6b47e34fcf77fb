from __future__ import annotations

import sqlite3
import tempfile
import threading
from pathlib import Path

from django.core.management import call_command
from django.db import connections
from django.test import SimpleTestCase, TestCase

from config import VERSION


class Site(TestCase):
    def test_every_answer_names_the_version(self) -> None:
        for path in ("/", "/healthz", "/api/ballots", "/admin/login/", "/nowhere"):
            with self.subTest(path=path):
                self.assertEqual(self.client.get(path)["X-App-Version"], VERSION)

    def test_health(self) -> None:
        self.assertEqual(self.client.get("/healthz").json(), {"status": "ok"})

    def test_it_answers_on_this_machine_and_to_nobody_elses_name(self) -> None:
        for host, status in [("django-polls.localhost", 200), ("evil.example", 400)]:
            self.assertEqual(
                self.client.get("/healthz", headers={"host": host}).status_code, status
            )

    def test_models_and_migrations_agree(self) -> None:
        call_command("makemigrations", check=True, dry_run=True, verbosity=0)


class Locks(SimpleTestCase):
    databases = frozenset({"default"})

    def test_a_write_waits_for_another_process(self) -> None:
        """The file is in WAL mode, and a writer that meets another waits its turn."""
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, "db.sqlite3")
            theirs = connections["default"]
            ours = type(theirs)({**theirs.settings_dict, "NAME": path})
            with ours.cursor() as cursor:
                cursor.execute("CREATE TABLE t (n)")
            other = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self.assertEqual(other.execute("PRAGMA journal_mode").fetchone(), ("wal",))
            other.execute("BEGIN IMMEDIATE")
            threading.Timer(0.3, lambda: other.execute("COMMIT")).start()
            with ours.cursor() as cursor:
                cursor.execute("INSERT INTO t VALUES (1)")
            ours.close()
            other.close()
