"""Django settings made for development: what they lack to be served, added from outside.

A module beside the release imports the app's own settings and adds lines to them. Only what
is missing is added: nothing that the app made for production is made weaker. Each line is a
finding that says why it is there and how to make it unnecessary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from holdfast.app import Finding, Overlay
from holdfast.config import Config
from holdfast.detect.answers import Answers, DjangoAnswers
from holdfast.detect.candidates import ENTRY
from holdfast.detect.facts import DjangoProject
from holdfast.detect.project import Candidate, Project
from holdfast.detect.warning import allowed
from holdfast.records import record

MODULE = "holdfast_settings"
KEY = "DJANGO_SECRET_KEY"
_VARIABLE = "DJANGO_SETTINGS_MODULE"
_CSRF = "django.middleware.csrf.CsrfViewMiddleware"


@record
class Line:
    """One setting: the statement that makes it, why, and what to write instead."""

    name: str
    code: str
    why: str
    instead: str


@record
class Laid:
    """What becomes of the app with the overlay: what it answers, and what goes beside it."""

    answers: Answers
    overlay: Overlay
    generate: tuple[str, ...]
    findings: tuple[Finding, ...]


def lay(config: Config, project: Project, answers: Answers, domains: Sequence[str]) -> Laid:
    """The overlay that the app's settings need; an empty one where they need none."""
    django = answers.django
    nothing = Laid(answers, Overlay(), (), ())
    if django is None or not django.settings or config.django.overlay is False:
        return nothing
    left = frozenset(config.django.leave or ())
    lines = [item for item in _lines(project, django, domains) if item.name not in left]
    if not lines:
        return nothing
    lines += [item for item in _behind_tls(django, domains) if item.name not in left]
    names = {item.name for item in lines}
    findings = [
        Finding(
            f"settings: {item.name}",
            item.code.partition(" = ")[2],
            f"{item.why}; {item.instead}, or [django] leave = [{_quoted(item.name)}]",
            level="warning" if item.name in ("DEBUG", "SECRET_KEY") else "info",
        )
        for item in lines
    ]
    modules = {f"{MODULE}.py": _module(django.settings, lines)}
    candidate = answers.candidate
    if candidate is not None and _names_settings_itself(project):
        modules[f"{ENTRY}.py"] = _entry(candidate)
        candidate = replace(candidate, module=ENTRY, attribute="application", factory=False)
    after = replace(django, **_changed(django, project, names, domains))
    return Laid(
        replace(answers, django=after, candidate=candidate),
        Overlay(modules, {_VARIABLE: MODULE}),
        (KEY,) if "SECRET_KEY" in names else (),
        tuple(findings),
    )


def _quoted(name: str) -> str:
    return f'"{name}"'


def _lines(project: Project, django: DjangoAnswers, domains: Sequence[str]) -> Iterator[Line]:
    """What the settings lack, the most important first."""
    refused = [item for item in domains if not allowed(item, django)]
    if refused:
        has = ", ".join(django.allowed_hosts) or "nothing"
        yield Line(
            "ALLOWED_HOSTS",
            f"ALLOWED_HOSTS = [*ALLOWED_HOSTS, {', '.join(map(repr, refused))}]",
            f"it has {has}, so Django answers 400",
            f"add {refused[0]!r} to it",
        )
    if django.debug:
        yield Line(
            "DEBUG",
            "DEBUG = False",
            "with DEBUG on, error pages show settings and code to everybody",
            'let it be read from the environment: DEBUG = os.environ.get("DEBUG") == "1"',
        )
    if django.insecure_key:
        yield Line(
            "SECRET_KEY",
            f'SECRET_KEY = os.environ["{KEY}"]',
            f"{django.insecure_key}; a random one is made and kept",
            f'write SECRET_KEY = os.environ["{KEY}"] in your settings',
        )
    if (
        "django.contrib.staticfiles" in django.apps
        and not django.static_root
        and django.local_static
    ):
        yield Line(
            "STATIC_ROOT",
            f'STATIC_ROOT = str(SOURCE / "{_static_root(project)}")',
            "without it no static file can be collected, and none is served",
            'write STATIC_ROOT = BASE_DIR / "staticfiles"',
        )
        if not django.static_url:
            yield Line("STATIC_URL", 'STATIC_URL = "/static/"', "it is not set", "set it")


def _behind_tls(django: DjangoAnswers, domains: Sequence[str]) -> Iterator[Line]:
    """What goes with it where the edge ends TLS: the edge sets the header and no one else can."""
    if not django.proxy_ssl_header:
        yield Line(
            "SECURE_PROXY_SSL_HEADER",
            'SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")',
            "the edge ends TLS and says so in this header",
            "write it in your settings",
        )
    schemes = ("https://",) if django.version >= (4, 0) else ("",)
    wanted = [f"{scheme}{item}" for item in domains for scheme in schemes]
    missing = [item for item in wanted if item not in django.trusted_origins]
    if missing and _CSRF in django.middleware:
        origins = ", ".join(map(repr, missing))
        yield Line(
            "CSRF_TRUSTED_ORIGINS",
            f"CSRF_TRUSTED_ORIGINS = [*CSRF_TRUSTED_ORIGINS, {origins}]",
            "forms of the app's own pages come from there",
            f"add {missing[0]!r} to it",
        )


def _static_root(project: Project) -> str:
    base = (project.manage or "").rpartition("/")[0]
    return f"{base}/staticfiles" if base else "staticfiles"


def _module(settings: str, lines: Sequence[Line]) -> str:
    """The text of the module: theirs, then each line with its reason."""
    body = "".join(f"\n# {item.why}\n{item.code}\n" for item in lines)
    return f'''"""Written by Holdfast: {settings}, and what it lacks; holdfast plan says why."""

import os
from pathlib import Path

import {settings} as _theirs

SOURCE = Path(__file__).absolute().parent.parent / "src"
ALLOWED_HOSTS = ()
CSRF_TRUSTED_ORIGINS = ()
globals().update({{name: value for name, value in vars(_theirs).items() if name.isupper()}})
{body}'''


def _names_settings_itself(project: Project) -> bool:
    """Whether its wsgi.py puts its settings into the environment whatever stands there."""
    return any(fact.forces for fact in project.all(DjangoProject))


def _entry(candidate: Candidate) -> str:
    return f'''"""Written by Holdfast: settings are read before the app's module names others."""

from django.conf import settings

settings.DEBUG
from {candidate.module} import {candidate.attribute} as application
'''


def _changed(
    django: DjangoAnswers, project: Project, names: set[str], domains: Sequence[str]
) -> dict[str, Any]:
    """What the settings are with the lines."""
    changed: dict[str, Any] = {}
    if "ALLOWED_HOSTS" in names:
        changed["allowed_hosts"] = (*django.allowed_hosts, *domains)
    if "DEBUG" in names:
        changed["debug"] = False
    if "STATIC_ROOT" in names:
        changed["static_root"] = _static_root(project)
    if "STATIC_URL" in names:
        changed["static_url"] = "/static/"
    return changed
