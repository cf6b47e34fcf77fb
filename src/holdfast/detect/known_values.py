"""Variables that the code cannot do without and whose value everybody knows.

``DEBUG`` is off where visitors come, and the host that Django is to answer is the app's domain:
nobody need be asked for these. What the user sets counts all the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect.facts import EnvRead, Fact, Framework

_OFF = ("DEBUG", "DJANGO_DEBUG", "FLASK_DEBUG", "APP_DEBUG", "DEBUG_MODE", "TEMPLATE_DEBUG")
_HOSTS = ("ALLOWED_HOSTS", "DJANGO_ALLOWED_HOSTS", "ALLOWED_HOST", "DJANGO_ALLOWED_HOST")
_ORIGINS = ("CSRF_TRUSTED_ORIGINS", "DJANGO_CSRF_TRUSTED_ORIGINS")


def of_project(
    facts: Iterable[Fact], config: Config, framework: Framework
) -> Iterator[tuple[str, str, Finding]]:
    """Name, value and the finding that says so, each name once."""
    domain = (config.app.domains or (f"{config.app.name or 'app'}.localhost",))[0]
    told: set[str] = set()
    for fact in facts:
        if not isinstance(fact, EnvRead) or fact.name in told or fact.name in (config.env or {}):
            continue
        value = _value(fact, domain, framework)
        if value is not None:
            told.add(fact.name)
            why = f"{fact.evidence} cannot do without it; holdfast env set {fact.name} counts more"
            yield fact.name, value, Finding("variable", f"{fact.name}={value}", why)


def _value(fact: EnvRead, domain: str, framework: Framework) -> str | None:
    """``0`` is off in every spelling: ``cast=bool``, ``int()``, ``== "True"``."""
    if fact.name in _OFF and fact.required:
        return "0"
    if framework != "django" or not (fact.required or fact.bare):
        return None
    if fact.name in _HOSTS:
        return domain
    return f"https://{domain}" if fact.name in _ORIGINS else None
