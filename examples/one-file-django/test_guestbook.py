"""Run with ``DEBUG=1 python -m unittest``; the tests write into a copy of the book."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
COPY = tempfile.TemporaryDirectory()
shutil.copy(HERE / "guestbook.py", COPY.name)
sys.path.insert(0, COPY.name)

from django.test import Client  # noqa: E402

import guestbook  # noqa: E402


def tearDownModule() -> None:
    COPY.cleanup()


class Guestbook(unittest.TestCase):
    def setUp(self) -> None:
        guestbook.Entry.objects.all().delete()
        self.client = Client(headers={"host": "localhost"})

    def sign(self, name: str = "Ada", message: str = "Hello") -> int:
        return self.client.post("/", {"name": name, "message": message}).status_code

    def test_an_entry_is_kept_and_shown(self) -> None:
        self.assertIn("Be the first", self.client.get("/").text)
        self.assertEqual(self.sign(message="Hello <b>world</b>"), 302)
        page = self.client.get("/").text
        self.assertIn("Ada", page)
        self.assertIn("Hello &lt;b&gt;world", page)

    def test_an_entry_without_a_name_is_not_kept(self) -> None:
        self.assertEqual(self.sign(name=""), 422)
        self.assertEqual(guestbook.Entry.objects.count(), 0)

    def test_a_form_of_another_site_is_refused(self) -> None:
        client = Client(enforce_csrf_checks=True, headers={"host": "localhost"})
        answer = client.post("/", {"name": "Mallory", "message": "Hi"})
        self.assertEqual(answer.status_code, 403)

    def test_every_answer_names_the_version(self) -> None:
        for path in ("/", "/healthz", "/nowhere"):
            self.assertEqual(self.client.get(path)["X-App-Version"], guestbook.VERSION)

    def test_entries_outlive_the_process_and_processes_may_start_at_once(self) -> None:
        self.sign()
        count = "import guestbook; print(guestbook.Entry.objects.count())"
        run = [sys.executable, "-c", count]
        started = [subprocess.Popen(run, cwd=COPY.name, stdout=subprocess.PIPE) for _ in range(3)]
        self.assertEqual([process.communicate()[0] for process in started], [b"1\n"] * 3)
