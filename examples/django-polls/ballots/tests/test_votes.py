from __future__ import annotations

import json

from django.test import Client, TestCase

from ballots.models import Ballot
from polls.models import Question


class Votes(TestCase):
    def setUp(self) -> None:
        self.question = Question.objects.get()
        self.choice = self.question.choices.first()

    def vote(self, sent: object, content_type: str = "application/json") -> object:
        path = f"/api/questions/{self.question.pk}/votes"
        return self.client.post(path, json.dumps(sent), content_type=content_type)

    def votes(self) -> int:
        self.choice.refresh_from_db()
        return self.choice.votes

    def test_a_form_counts_once_and_keeps_the_ballot(self) -> None:
        answer = self.client.post(
            f"/{self.question.pk}/vote/", {"choice": self.choice.pk, "token": "t1"}, follow=True
        )
        self.assertContains(answer, "Your vote is counted.")
        self.assertContains(answer, "1 vote")
        self.assertEqual(Ballot.objects.get().token, "t1")

    def test_a_form_without_a_choice_goes_back(self) -> None:
        answer = self.client.post(f"/{self.question.pk}/vote/", {"token": "t"}, follow=True)
        self.assertContains(answer, "pick one of the choices")
        self.assertEqual(Ballot.objects.count(), 0)

    def test_a_form_needs_the_csrf_token(self) -> None:
        client = Client(enforce_csrf_checks=True)
        answer = client.post(f"/{self.question.pk}/vote/", {"choice": self.choice.pk, "token": "t"})
        self.assertEqual(answer.status_code, 403)

    def test_the_same_json_sent_twice_counts_twice(self) -> None:
        for _ in range(2):
            self.assertEqual(
                self.vote({"choice": self.choice.pk, "token": "again"}).status_code, 201
            )
        self.vote({"choice": self.choice.pk, "token": "other"})
        self.assertEqual(self.votes(), 3)
        self.assertEqual(self.client.get("/api/ballots?token=again").json()["count"], 2)
        self.assertEqual(self.client.get("/api/ballots").json()["count"], 3)

    def test_questions_show_their_votes(self) -> None:
        self.vote({"choice": self.choice.pk, "token": "t"})
        [question] = self.client.get("/api/questions").json()["questions"]
        self.assertEqual([choice["votes"] for choice in question["choices"]], [1, 0, 0])

    def test_what_is_wrong_is_said(self) -> None:
        other = Question.objects.create(text="Else?").choices.create(text="Yes")
        good = {"choice": self.choice.pk, "token": "t"}
        cases = [
            ({**good, "token": ""}, "token"),
            ({**good, "token": "x" * 101}, "token"),
            ({**good, "token": 7}, "token"),
            ({**good, "choice": other.pk}, "choice"),
            ({**good, "choice": "²"}, "choice"),
            ({**good, "choice": 10**30}, "choice"),
            ({"token": "t"}, "choice"),
            ([], "object"),
        ]
        for sent, word in cases:
            with self.subTest(sent=sent):
                answer = self.vote(sent)
                self.assertEqual(answer.status_code, 400)
                self.assertIn(word, answer.json()["error"])
        self.assertEqual(self.vote(good, "text/plain").status_code, 415)
        self.assertEqual(Ballot.objects.count(), 0)
