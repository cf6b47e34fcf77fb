"""What will go wrong, or is not fit for the public, each with the way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect.answers import Answers, DjangoAnswers
from holdfast.detect.facts import CommittedEnv, EnvRead, InTemporary, Pointer
from holdfast.detect.project import Project


def warnings(
    config: Config, project: Project, answers: Answers, domains: Sequence[str]
) -> list[Finding]:
    """Warnings, the most important first."""
    found = []
    if answers.failed is not None:
        why = f"{answers.failed.message}; what the app writes and serves is not known"
        found.append(Finding("not asked", project.framework, why, level="warning"))
    found += _committed_env(config, project)
    for fact in project.all(InTemporary)[:1]:
        why = (
            f"{fact.evidence} keeps it in the temporary directory, where it is gone with a boot or"
            " the next release: have its path told by a variable, or write it relative to the app"
        )
        found.append(Finding("database", fact.name, why, level="warning"))
    if pointers := [str(fact.evidence) for fact in project.all(Pointer)]:
        why = "Git LFS has what is in there, and only a pointer is here: git lfs pull, then deploy"
        found.append(Finding("not fetched", ", ".join(pointers[:5]), why, level="warning"))
    if answers.django is not None:
        found += _django(answers.django, domains)
    return found


def _committed_env(config: Config, project: Project) -> Iterator[Finding]:
    """Values for development that the app takes by itself where nobody sets others."""
    read = {fact.name.upper() for fact in project.all(EnvRead)}
    ours = {*project.env, *project.generate, *(config.env or {})}
    for fact in project.all(CommittedEnv):
        names = [name for name in fact.names if name.upper() in read and name not in ours]
        if names:
            why = (
                f"it is in the commit, and {fact.reader} reads it: its values count where no others"
                " are set; holdfast env set sets them"
            )
            yield Finding(str(fact.evidence), ", ".join(names), why, level="warning")


def _django(answers: DjangoAnswers, domains: Sequence[str]) -> Iterator[Finding]:
    refused = [domain for domain in domains if not allowed(domain, answers)]
    if refused:
        names = ", ".join(answers.allowed_hosts) or "nothing"
        why = f"ALLOWED_HOSTS has {names}: Django answers 400; add {refused[0]!r} to it"
        yield Finding("ALLOWED_HOSTS", ", ".join(refused), why, level="warning")
    if answers.debug:
        why = "error pages show settings and code to everybody; set DEBUG = False"
        yield Finding("DEBUG", "True", why, level="warning")
    if "django.contrib.staticfiles" in answers.apps and not answers.static_root:
        why = 'no static file is served; set STATIC_ROOT = BASE_DIR / "staticfiles"'
        yield Finding("STATIC_ROOT", "not set", why, level="warning")
    media = answers.media_url.strip("/")
    if answers.media_root and media and answers.media_url.startswith("/"):
        line = f'"/{media}/" = "{answers.media_root}"'
        why = f"nobody serves it; if it is for everybody, write under [web.static]: {line}"
        yield Finding("MEDIA_URL", answers.media_url, why)


def allowed(domain: str, answers: DjangoAnswers) -> bool:
    """Whether Django answers a host name: as ``django.http.request.validate_host`` has it."""
    patterns = answers.allowed_hosts
    if answers.debug and not patterns:
        patterns = (".localhost", "localhost", "127.0.0.1", "[::1]")
    host = domain.lower().rstrip(".")
    return any(
        pattern == "*"
        or host == pattern.lower()
        or (pattern.startswith(".") and f".{host}".endswith(pattern.lower()))
        for pattern in patterns
    )
