from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config import VERSION


def name_version(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Say in every answer, errors included, which version of the app gave it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-App-Version"] = VERSION
        return response

    return middleware
