"""What only shows when the app is asked: another protocol than it seemed, a server that is old."""

from __future__ import annotations

from dataclasses import replace

from holdfast.app import Finding
from holdfast.detect import choosing, repairs, server
from holdfast.detect.answers import Answers
from holdfast.detect.project import Project

_OLD_GUNICORN = 21
"""gunicorn imports ``pkg_resources`` before this; the newest setuptools has none."""


def fitted(project: Project, answers: Answers) -> tuple[Project, Answers]:
    """Both with the protocol that the object was heard to speak, and what its server needs."""
    return _spoken(_with_old_server(project, answers), answers)


def _with_old_server(project: Project, answers: Answers) -> Project:
    version = answers.versions.get("gunicorn", "")
    first = version.partition(".")[0]
    if not first.isdigit() or int(first) >= _OLD_GUNICORN:
        return project
    if repairs.SETUPTOOLS in project.dependencies.extra:
        return project
    why = f"gunicorn {version} imports pkg_resources; a newer gunicorn would not need it"
    added = choosing.with_server(project.dependencies, (repairs.SETUPTOOLS,))
    finding = Finding("added", repairs.SETUPTOOLS, why, level="warning")
    return replace(project, dependencies=added, findings=(*project.findings, finding))


def _spoken(project: Project, answers: Answers) -> tuple[Project, Answers]:
    candidate, spoken = answers.candidate, answers.interface
    if candidate is None or spoken is None or spoken == candidate.interface:
        return project, answers
    served = server.choose(spoken, project.packages, project.packages, websockets=False)
    why = f"{candidate.target} looks like {candidate.interface.upper()}; when called, it is this"
    findings = [item for item in project.findings if item.what != "server"]
    changed = replace(
        project,
        dependencies=choosing.with_server(project.dependencies, served.extra),
        server=served.choice,
        findings=(
            *findings,
            Finding("interface", spoken.upper(), why),
            Finding("server", served.choice.name, served.choice.why),
        ),
    )
    return changed, replace(answers, candidate=replace(candidate, interface=spoken, asked=True))
