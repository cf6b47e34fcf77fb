from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils import timezone


class QuestionQuerySet(models.QuerySet["Question"]):
    def published(self) -> QuestionQuerySet:
        return self.filter(published__lte=timezone.now())


class Question(models.Model):
    text = models.CharField(max_length=200)
    published = models.DateTimeField(default=timezone.now, db_index=True)
    background = models.FileField(
        upload_to="background/", blank=True, help_text="What to read before one votes."
    )

    objects = QuestionQuerySet.as_manager()

    class Meta:
        ordering = ("-published", "-id")

    def __str__(self) -> str:
        return self.text

    def get_absolute_url(self) -> str:
        return reverse("polls:detail", args=[self.pk])


class Choice(models.Model):
    question = models.ForeignKey(Question, models.CASCADE, related_name="choices")
    text = models.CharField(max_length=200)
    votes = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.text
