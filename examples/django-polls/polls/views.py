from __future__ import annotations

import uuid

from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from polls.models import Question

PER_PAGE = 20


def index(request: HttpRequest) -> HttpResponse:
    """The published questions, newest first, with the votes each has got."""
    # An aggregate drops the model's own order, so it is said again.
    questions = (
        Question.objects.published()
        .annotate(votes=Sum("choices__votes"))
        .order_by("-published", "-id")
    )
    page = Paginator(questions, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "polls/index.html", {"page": page})


def detail(request: HttpRequest, pk: int) -> HttpResponse:
    """The choices as a form, with a token under which the voter finds the ballot again."""
    question = get_object_or_404(Question.objects.published(), pk=pk)
    return render(request, "polls/detail.html", {"question": question, "token": uuid.uuid4()})


def results(request: HttpRequest, pk: int) -> HttpResponse:
    question = get_object_or_404(Question.objects.published(), pk=pk)
    total = sum(choice.votes for choice in question.choices.all())
    return render(request, "polls/results.html", {"question": question, "total": total})


def background(_request: HttpRequest, pk: int) -> FileResponse:
    """The uploaded file, as a download: what somebody uploads is not run as a page of ours."""
    question = get_object_or_404(Question.objects.published(), pk=pk)
    if not question.background:
        raise Http404
    return FileResponse(question.background.open(), as_attachment=True)
