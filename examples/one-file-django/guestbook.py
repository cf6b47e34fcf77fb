"""A guestbook: Django in one file, with a database."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import django
from django.conf import settings

VERSION = "1"
TABLE = "entries"
HERE = Path(__file__).resolve().parent
DEBUG = os.environ.get("DEBUG") == "1"

settings.configure(
    DEBUG=DEBUG,
    SECRET_KEY=os.environ.get("SECRET_KEY", "for-development-only" if DEBUG else ""),
    ALLOWED_HOSTS=os.environ.get("ALLOWED_HOSTS", ".localhost,127.0.0.1,[::1]").split(","),
    ROOT_URLCONF=__name__,
    WSGI_APPLICATION=f"{__name__}.application",
    MIDDLEWARE=[
        f"{__name__}.name_version",
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": HERE / "guestbook.sqlite3",
            "OPTIONS": {
                "timeout": 30,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
            },
        }
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    USE_TZ=True,
)
django.setup()

from django import forms  # noqa: E402
from django.core.management import execute_from_command_line  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import redirect  # noqa: E402
from django.template import engines  # noqa: E402
from django.urls import path  # noqa: E402


class Entry(models.Model):
    name = models.CharField(max_length=80)
    message = models.TextField(max_length=2000)
    written = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "guestbook"
        db_table = TABLE
        ordering = ("-id",)


class EntryForm(forms.ModelForm):
    class Meta:
        model = Entry
        fields = ("name", "message")


def book(request: HttpRequest) -> HttpResponse:
    """The newest fifty entries, and a form to write one."""
    form = EntryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        form.save()
        return redirect("book")
    page = engines["django"].from_string(PAGE)
    entries = Entry.objects.all()[:50]
    html = page.render({"form": form, "entries": entries, "version": VERSION}, request)
    return HttpResponse(html, status=422 if form.errors else 200)


def health(_request: HttpRequest) -> HttpResponse:
    Entry.objects.exists()
    return HttpResponse("ok", content_type="text/plain")


def name_version(get_response):
    """Say in every answer which version of the app gave it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-App-Version"] = VERSION
        return response

    return middleware


def make_table() -> None:
    """Make the table if it is not there; two processes may come at once (BEGIN IMMEDIATE)."""
    with connection.schema_editor() as editor:
        if TABLE not in connection.introspection.table_names():
            editor.create_model(Entry)
    connection.close()


PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guestbook</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; }
  body { max-width: 36rem; margin: 2rem auto; padding: 0 1rem; }
  input, textarea { font: inherit; width: 100%; box-sizing: border-box; }
  .errorlist { color: #b3261e; }
</style>
<h1>Guestbook</h1>
<form method="post">{% csrf_token %}{{ form.as_p }}<button>Sign</button></form>
{% for entry in entries %}
<article>
  <h2>{{ entry.name }}</h2>
  {{ entry.message|linebreaks }}
  <time>{{ entry.written|date }}</time>
</article>
{% empty %}
<p>Be the first to sign.</p>
{% endfor %}
<footer>Guestbook, version {{ version }}</footer>
"""

urlpatterns = [path("", book, name="book"), path("healthz", health)]
application = get_wsgi_application()

make_table()

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
