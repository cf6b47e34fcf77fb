from __future__ import annotations

from django.db import models, transaction
from django.db.models import F

from polls.models import Choice


class BallotManager(models.Manager["Ballot"]):
    def cast(self, choice: Choice, token: str) -> Ballot:
        """Count one vote and keep its ballot: both, or neither."""
        with transaction.atomic():
            Choice.objects.filter(pk=choice.pk).update(votes=F("votes") + 1)
            return self.create(choice=choice, token=token)


class Ballot(models.Model):
    """One vote, public under the token its voter chose, so that everybody can recount."""

    choice = models.ForeignKey(Choice, models.CASCADE, related_name="ballots")
    token = models.CharField(max_length=100, db_index=True)
    cast_at = models.DateTimeField(auto_now_add=True)

    objects = BallotManager()

    def __str__(self) -> str:
        return f"{self.token}: {self.choice}"
