"""The release command: what brings the database to where the new code expects it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Literal

from holdfast.app import Finding, ReleaseCommand
from holdfast.config import Config
from holdfast.detect import tool_migrations
from holdfast.detect.answers import Answers
from holdfast.detect.facts import MakesTables, Migrations, Prepares
from holdfast.detect.project import Candidate, Project

Known = Literal["django", "flask-migrate", "alembic"]

_SHAPES: tuple[tuple[Known, re.Pattern[str]], ...] = (
    ("django", re.compile(r"(?:manage\.py|\w+\.py|django-admin|-m django)\s+migrate\b")),
    ("flask-migrate", re.compile(r"\bflask\b.*\bdb\s+upgrade\b")),
    ("alembic", re.compile(r"\balembic\b.*\bupgrade\b")),
)


def release(
    config: Config, project: Project, answers: Answers, directory: str
) -> tuple[ReleaseCommand | None, list[Finding]]:
    """The release command: the config's, the ``Procfile``'s, or the framework's migrations."""
    found = _chosen(config, project, answers, directory)
    if found is None:
        return None, not_run(project.all(Prepares))
    command, why = found
    if config.release.timeout is not None:
        command = replace(command, timeout=config.release.timeout)
    left = [item for item in project.all(Prepares) if item.script]
    return command, [Finding("release command", command.command, why), *not_run(left)]


def _chosen(
    config: Config, project: Project, answers: Answers, directory: str
) -> tuple[ReleaseCommand, str] | None:
    if config.release.command is False:
        return None
    if config.release.command:
        return _said(config.release.command, project, answers, directory), "holdfast.toml says so"
    line = next((item for item in project.processes if item.name == "release"), None)
    found = _detected(project, answers)
    if line is None:
        return found
    if found is not None and found[0].known == "django" and _never_migrates(line.command):
        both = f"{found[0].command} && {line.command}"
        if found[0].directory == line.directory:
            why = f"{line.evidence}, which does not migrate, after Django's migrations"
            return replace(found[0], command=both), why
    return _said(line.command, project, answers, line.directory), str(line.evidence)


def _never_migrates(command: str) -> bool:
    """Whether a line only calls commands of Django's own which do not."""
    parts = [part.strip() for part in re.split(r"&&|;", command)]
    return all(_OTHER_WORK.fullmatch(part) for part in parts)


_OTHER_WORK = re.compile(
    r"(?:python3? )?\S*manage\.py (?:compilemessages|collectstatic|compress|check|createcachetable"
    r"|clearsessions|loaddata)\b[^|&;]*"
)


def _said(command: str, project: Project, answers: Answers, directory: str) -> ReleaseCommand:
    """A command as written; if it runs migrations we know, they can be asked about."""
    for known, pattern in _SHAPES:
        if pattern.search(command):
            settings = _settings(known, project, answers)
            if settings is not None:
                return ReleaseCommand(command, directory, known=known, settings=settings)
    return ReleaseCommand(command, directory)


def _settings(known: Known, project: Project, answers: Answers) -> Mapping[str, str] | None:
    if known == "django":
        return _django_settings(project) if project.manage else None
    candidate = _candidate(project, answers)
    if known == "flask-migrate":
        return {"app": candidate.target} if candidate else None
    return {"config": "alembic.ini"}


def _detected(project: Project, answers: Answers) -> tuple[ReleaseCommand, str] | None:
    if project.framework == "django":
        return _django(project, answers)
    candidate = _candidate(project, answers)
    if candidate is not None and project.framework == "flask" and answers.migrate:
        scripts = _scripts(project, answers.migrate)
        return _flask_migrate(candidate, scripts, answers.versions.get("flask"))
    found = _alembic(project) or _prepared(project, candidate)
    return found or _missing_tables(project, answers, candidate)


def _missing_tables(
    project: Project, answers: Answers, candidate: Candidate | None
) -> tuple[ReleaseCommand, str] | None:
    """Flask-SQLAlchemy's tables where no code makes them: their author did, once, in a shell."""
    if candidate is None or not answers.models or project.all(MakesTables):
        return None
    if not (answers.sqlite or answers.databases) or "." in candidate.attribute:
        return None
    call = "()" if candidate.factory else ""
    program = (
        f"from {candidate.module} import {candidate.attribute} as made; app = made{call}; "
        "known = app.extensions['sqlalchemy']; app.app_context().push(); "
        "getattr(known, 'db', known).create_all()"
    )
    why = "the models have tables that nothing in the code makes; those that are missing are made"
    return ReleaseCommand(f"python -c {shlex.quote(program)}", candidate.directory), why


_ENTRIES = ("run.py", "main.py", "wsgi.py", "app.py", "server.py", "application.py", "manage.py")


def _prepared(project: Project, candidate: Candidate | None) -> tuple[ReleaseCommand, str] | None:
    """What is made before the app serves: by a main guard, which no server runs, or a script."""
    if candidate is None:
        return None
    harmless = [fact for fact in project.all(Prepares) if not fact.harm]
    own = candidate.evidence.file
    beside = [own, *(_in(candidate.directory, name) for name in _ENTRIES)]
    guards = [fact for fact in harmless if fact.in_guard and fact.evidence.file in beside]
    guards.sort(key=lambda fact: beside.index(fact.evidence.file))
    if guards:
        file = guards[0].evidence.file
        module = candidate.module if file == own else PurePosixPath(file).stem
        code = "\n".join(fact.what for fact in guards if fact.evidence.file == file)
        run = f"exec({code!r}, vars(import_module({module!r})))"
        program = f"from importlib import import_module; {run}"
        why = f"{guards[0].evidence} makes what is missing, under a condition no server meets"
        return ReleaseCommand(f"python -c {shlex.quote(program)}", candidate.directory), why
    for fact in harmless:
        if fact.script and candidate.directory == ".":
            return ReleaseCommand(fact.what, "."), f"{fact.evidence} makes what is missing"
    return None


def _in(directory: str, name: str) -> str:
    return name if directory == "." else f"{directory}/{name}"


def not_run(facts: Iterable[Prepares]) -> list[Finding]:
    """What was found and is left to the user, with the reason."""
    found: dict[str, Finding] = {}
    for fact in facts:
        if fact.harm:
            what = fact.what if fact.in_guard or fact.script else f"flask {fact.what}"
            why = f"{fact.evidence}: {fact.harm}; [release] command would run it each time"
            found.setdefault(what, Finding("not run", what, why))
    return list(found.values())


def _candidate(project: Project, answers: Answers) -> Candidate | None:
    return answers.candidate or next(iter(project.candidates), None)


def _django_settings(project: Project) -> dict[str, str]:
    manage = (project.manage or "").rpartition("/")[2]
    return {"manage": manage, **({"settings": project.settings} if project.settings else {})}


def _django(project: Project, answers: Answers) -> tuple[ReleaseCommand, str] | None:
    """``migrate`` wherever Django has a database; without a pending one it does nothing."""
    has_database = bool(answers.sqlite or answers.databases)
    if project.manage is None or (answers.django is not None and not has_database):
        return None
    directory, _, name = project.manage.rpartition("/")
    command = ReleaseCommand(
        f"python {shlex.quote(name)} migrate --noinput",
        directory or ".",
        known="django",
        settings=_django_settings(project),
    )
    return command, f"Django's migrations, by {project.manage}"


def _scripts(project: Project, told: str) -> str:
    """Where Flask-Migrate's scripts lie: where it was told, or where they are if not there."""
    found = [fact.directory for fact in project.all(Migrations) if fact.tool == "flask-migrate"]
    return told if told in found or not found else found[0]


_TAKES_APP = (2, 2)
"""Flask's command has ``--app`` since then."""


def _flask_migrate(
    candidate: Candidate, migrations: str, version: str | None
) -> tuple[ReleaseCommand, str]:
    """``db upgrade``; ``--directory`` where the folder is not the ``migrations`` beside it.

    Args:
        version: Flask's, if it is known.
    """
    beside = "migrations" if candidate.directory == "." else f"{candidate.directory}/migrations"
    option = ""
    if migrations != beside:
        option = f" --directory {shlex.quote(_seen_from(candidate.directory, migrations))}"
    numbers = tuple(map(int, re.findall(r"\d+", version or "")[:2]))
    app = shlex.quote(candidate.target)
    flask = f"FLASK_APP={app} flask" if numbers and numbers < _TAKES_APP else f"flask --app {app}"
    command = ReleaseCommand(
        f"{flask} db upgrade{option}",
        candidate.directory,
        known="flask-migrate",
        settings={"app": candidate.target},
    )
    return command, f"Flask-Migrate, with its scripts in {migrations}/"


def _seen_from(directory: str, path: str) -> str:
    if directory == "." or path.startswith("/"):
        return path
    prefix = f"{directory}/"
    if path.startswith(prefix):
        return path[len(prefix) :]
    return "../" * (directory.count("/") + 1) + path


def _alembic_itself(fact: Migrations) -> ReleaseCommand:
    """By its own file, or by one that it shares with the app (``production.ini``)."""
    file = fact.evidence.file.rpartition("/")[2]
    if file != "alembic.ini":
        return ReleaseCommand(f"alembic -c {shlex.quote(file)} upgrade head", fact.directory)
    return ReleaseCommand(
        "alembic upgrade head", fact.directory, known="alembic", settings={"config": file}
    )


def _alembic(project: Project) -> tuple[ReleaseCommand, str] | None:
    for fact in project.all(Migrations):
        if fact.tool in tool_migrations.COMMANDS:
            command = ReleaseCommand(tool_migrations.COMMANDS[fact.tool], fact.directory)
            return command, f"{fact.tool}: {fact.evidence}"
        if fact.tool == "alembic":
            return _alembic_itself(fact), f"Alembic: {fact.evidence}"
    return None
