"""What is run when a release is built: the user's commands, and what the framework wants made."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect import front
from holdfast.detect.answers import Answers
from holdfast.detect.facts import FrontEnd, Translations
from holdfast.detect.project import Project
from holdfast.records import record

_BABEL = frozenset({"babel", "flask-babel", "flask-babelex", "quart-babel", "fastapi-babel"})


@record
class Step:
    """A command of the build and why, or (without a command) what is not made and why not."""

    command: str
    finding: Finding


def build(
    config: Config, project: Project, answers: Answers
) -> tuple[tuple[str, ...], list[Finding]]:
    """The user's commands, then what they do not do themselves, in the order of need.

    ``collectstatic`` collects what front ends were built to; ``compress`` reads what it collected.
    What ``[django] leave`` names, or a command of the user's mentions, is left to the user.
    """
    commands = config.build.commands or ()
    left = frozenset(config.django.leave or ())
    steps: list[Step] = []
    for name, found in (
        ("compilemessages", _translations(project)),
        ("pybabel", _catalogs(project)),
        ("front end", () if commands else _front_ends(project)),
        ("tailwind", _tailwind(project, answers)),
        ("collectstatic", _collecting(project, answers)),
        ("compress", _compressing(project, answers)),
    ):
        if name not in left and not any(name in item for item in commands):
            steps += found
    made = tuple(step.command for step in steps if step.command)
    return (*commands, *made), [step.finding for step in steps]


_FAULT = re.compile(r"(\S+\.po):(\d+)(?::\d+)?: (.+)")
"""What ``msgfmt`` and Babel say of a catalog: the file, the line, what is wrong there."""


def without(command: str, output: str) -> str | None:
    """What it means that one of our commands failed, if the app can be served all the same.

    A catalog that cannot be compiled costs its language, and pages in it are shown untranslated;
    Tailwind's program, which its package fetches itself, costs the styles: that is no reason to
    keep the release from its visitors. ``None``: it is one.
    """
    if command.endswith(" tailwind build"):
        return (
            "Tailwind's styles were not made, and pages come without them: its own program could"
            " not be fetched or run, the log says why; commit the file that it makes, and leave"
            ' it out here: [django] leave = ["tailwind"]'
        )
    if not re.search(r"\bcompilemessages$|^pybabel compile ", command):
        return None
    name = "compilemessages" if "compilemessages" in command else "pybabel"
    fault = _FAULT.search(output)
    where = f"{_short(fault[1])}:{fault[2]}: {fault[3]}" if fault else "its output is in the log"
    return (
        f"translations were not compiled, and visitors read the untranslated text: {where}; "
        f'correct it and deploy again, or leave it out: [django] leave = ["{name}"]'
    )


def _short(path: str) -> str:
    """From the folder of translations on, without the release's own directory."""
    parts = path.split("/")
    at = parts.index("LC_MESSAGES") if "LC_MESSAGES" in parts else len(parts)
    return "/".join(parts[max(0, at - 2) :])


def _front_ends(project: Project) -> Iterator[Step]:
    for fact in project.all(FrontEnd):
        made, finding = front.build(fact)
        yield Step(made[0] if made else "", finding)


def _translations(project: Project) -> Iterator[Step]:
    """Django's, by its own command, which needs gettext's ``msgfmt``."""
    below = (
        "" if "/" not in (project.manage or "") else f"{str(project.manage).rpartition('/')[0]}/"
    )
    found = [
        fact
        for fact in project.all(Translations)
        if fact.of_django and f"{fact.folder}/".startswith(below)
    ]
    if not found or not project.manage or project.framework != "django":
        return
    languages = ", ".join(sorted({name for fact in found for name in fact.languages}))
    if shutil.which("msgfmt") is None:
        why = (
            "not compiled: there is no msgfmt on this machine, so visitors read the untranslated"
            " text; commit the .mo files, and none is needed"
        )
        yield Step("", Finding("translations", languages, why))
        return
    command = manage_command(project.manage, "compilemessages")
    why = f"{found[0].evidence} has no .mo beside it: {languages}{_unless('compilemessages')}"
    yield Step(command, Finding("build", command, why))


def _catalogs(project: Project) -> Iterator[Step]:
    """Flask-Babel's and its like, by Babel itself, which is installed with them."""
    if not project.packages & _BABEL or project.framework == "django":
        return
    for fact in project.all(Translations):
        for domain in fact.domains if not fact.of_django else ():
            command = f"pybabel compile -d {shlex.quote(fact.folder)} -D {shlex.quote(domain)}"
            languages = ", ".join(fact.languages)
            why = f"{fact.evidence} has no .mo beside it: {languages}{_unless('pybabel')}"
            yield Step(command, Finding("build", command, why))


_TAILWIND = "django_tailwind_cli"


def _tailwind(project: Project, answers: Answers) -> Iterator[Step]:
    """Tailwind's stand-alone program, by the command of the package that fetches it."""
    django = answers.django
    if django is not None and project.manage and _TAILWIND in django.apps:
        command = manage_command(project.manage, "tailwind build")
        why = f"{_TAILWIND} is among INSTALLED_APPS: its styles are made{_unless('tailwind')}"
        yield Step(command, Finding("build", command, why))


def collects(answers: Answers) -> bool:
    """Whether Django has static files to collect into a directory of this machine."""
    django = answers.django
    return bool(
        django
        and django.static_root
        and django.local_static
        and "django.contrib.staticfiles" in django.apps
    )


def _collecting(project: Project, answers: Answers) -> Iterator[Step]:
    if collects(answers) and project.manage:
        command = collect_command(project.manage)
        yield Step(command, Finding("build", command, "STATIC_ROOT is set"))


def _compressing(project: Project, answers: Answers) -> Iterator[Step]:
    """django-compressor's, made beforehand: at run time each page would answer 500 without."""
    django = answers.django
    if django is None or not project.manage or not django.compress:
        return
    if django.compress == "unless DEBUG" and django.debug:
        return
    command = manage_command(project.manage, "compress")
    why = "COMPRESS_OFFLINE is on: pages with {% compress %} fail without what it makes" + _unless(
        "compress"
    )
    yield Step(command, Finding("build", command, why))


def _unless(name: str) -> str:
    return f'; [django] leave = ["{name}"] leaves it out'


def collect_command(manage: str) -> str:
    return manage_command(manage, "collectstatic --noinput")


def manage_command(manage: str, what: str) -> str:
    """Build commands start in the root of the source, ``manage.py`` may lie below it."""
    folder, _, name = manage.rpartition("/")
    command = f"python {name} {what}"
    return f"cd {shlex.quote(folder)} && {command}" if folder else command
