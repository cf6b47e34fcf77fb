from __future__ import annotations

import tempfile
from datetime import timedelta

from django.core.files.base import ContentFile
from django.test import TestCase, override_settings
from django.utils import timezone

from polls.models import Question


class Pages(TestCase):
    def setUp(self) -> None:
        """The question that the migrations ask."""
        self.question = Question.objects.get()

    def test_a_new_site_has_a_question(self) -> None:
        page = self.client.get("/")
        self.assertContains(page, "When do you deploy?")
        self.assertContains(page, "(0 votes)")

    def test_the_form_has_every_choice_and_a_token_of_its_own(self) -> None:
        first = self.client.get(f"/{self.question.pk}/")
        self.assertContains(first, "On a Friday evening")
        second = self.client.get(f"/{self.question.pk}/")
        self.assertNotEqual(first.context["token"], second.context["token"])

    def test_a_question_of_tomorrow_is_not_shown(self) -> None:
        later = Question.objects.create(
            text="Who won?", published=timezone.now() + timedelta(days=1)
        )
        self.assertNotContains(self.client.get("/"), "Who won?")
        for path in ("", "results/", "background/"):
            self.assertEqual(self.client.get(f"/{later.pk}/{path}").status_code, 404)

    def test_an_uploaded_background_is_a_download(self) -> None:
        self.assertEqual(self.client.get(f"/{self.question.pk}/background/").status_code, 404)
        with tempfile.TemporaryDirectory() as media, override_settings(MEDIA_ROOT=media):
            self.question.background.save("why.html", ContentFile(b"<p>Because"))
            answer = self.client.get(f"/{self.question.pk}/background/")
            self.assertEqual(answer.getvalue(), b"<p>Because")
            self.assertIn("attachment", answer["Content-Disposition"])
