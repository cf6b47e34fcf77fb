"""Voting, as a form and as JSON, and the public list of ballots."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from ballots.models import Ballot
from polls.models import Choice, Question

LONGEST_TOKEN = 100


class BadVoteError(Exception):
    """Why a vote is not counted, for the voter."""


@require_POST
def vote(request: HttpRequest, pk: int) -> HttpResponse:
    """Count the vote from the form, then show the results."""
    question = get_object_or_404(Question.objects.published(), pk=pk)
    try:
        cast(question, request.POST.get("choice"), request.POST.get("token"))
    except BadVoteError as error:
        messages.error(request, str(error))
        return redirect(question)
    messages.success(request, "Your vote is counted.")
    return redirect("polls:results", pk)


# A page of another site cannot send JSON here: that takes a CORS preflight, which nobody answers.
@csrf_exempt
@require_POST
def vote_json(request: HttpRequest, pk: int) -> JsonResponse:
    """Count ``{"choice": id, "token": "…"}``; sent twice, it is counted twice."""
    question = get_object_or_404(Question.objects.published(), pk=pk)
    if request.content_type != "application/json":
        return JsonResponse({"error": "send application/json"}, status=415)
    try:
        sent = json.loads(request.body)
        ballot = cast(question, sent.get("choice"), sent.get("token"))
    except (ValueError, AttributeError):
        return JsonResponse({"error": "send a JSON object"}, status=400)
    except BadVoteError as error:
        return JsonResponse({"error": str(error)}, status=400)
    return JsonResponse(as_json(ballot), status=201)


@require_GET
def questions(_request: HttpRequest) -> JsonResponse:
    """The published questions with their choices and votes."""
    found = Question.objects.published().prefetch_related("choices")
    return JsonResponse(
        {
            "questions": [
                {
                    "id": question.pk,
                    "text": question.text,
                    "choices": [
                        {"id": choice.pk, "text": choice.text, "votes": choice.votes}
                        for choice in question.choices.all()
                    ],
                }
                for question in found
            ]
        }
    )


@require_GET
def ballots(request: HttpRequest) -> JsonResponse:
    """Every ballot, oldest first; ``?token=`` picks those cast under it."""
    found = Ballot.objects.order_by("id")
    if token := request.GET.get("token"):
        found = found.filter(token=token)
    listed = [as_json(ballot) for ballot in found]
    return JsonResponse({"count": len(listed), "ballots": listed})


def cast(question: Question, choice: object, token: object) -> Ballot:
    """Count a vote as it came from outside.

    Raises:
        BadVoteError: no such choice, or no usable token.
    """
    if not isinstance(token, str) or not 0 < len(token) <= LONGEST_TOKEN:
        raise BadVoteError("token: a string of 1 to 100 characters is needed")
    if not str(choice).isdecimal():
        raise BadVoteError("choice: pick one of the choices")
    try:
        chosen = question.choices.get(pk=int(str(choice)))
    except (Choice.DoesNotExist, OverflowError):
        raise BadVoteError("choice: pick one of the choices") from None
    return Ballot.objects.cast(chosen, token)


def as_json(ballot: Ballot) -> dict[str, Any]:
    return {
        "id": ballot.pk,
        "token": ballot.token,
        "choice": ballot.choice_id,
        "cast_at": ballot.cast_at.isoformat(),
    }
