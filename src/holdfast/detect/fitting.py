"""What only shows when the app is asked: another protocol than it seemed, a server that is old."""

from __future__ import annotations

import re
from dataclasses import replace

from holdfast.app import Finding
from holdfast.detect import choosing, command_line, green, repairs, server
from holdfast.detect.answers import Answers
from holdfast.detect.project import Project

_LOADS = {
    "gunicorn": ((21,), "imports pkg_resources; a newer gunicorn would not need it"),
    "flask": ((2, 1), "finds flask db by pkg_resources; a newer Flask would not need it"),
}
"""What wants ``pkg_resources`` before a version; the newest setuptools has none."""


def fitted(project: Project, answers: Answers) -> tuple[Project, Answers]:
    """Both with the protocol that the object was heard to speak, and what its server needs."""
    return _spoken(*_with_older_gunicorn(_with_setuptools(project, answers), answers))


def _with_older_gunicorn(project: Project, answers: Answers) -> tuple[Project, Answers]:
    """One that still has the worker which Socket.IO, or the line of the ``Procfile``, asks for."""
    line = next((item for item in project.processes if item.name == "web"), None)
    parsed = command_line.parse(line.command) if line else None
    mode = green.named(parsed.options) if parsed else green.mode(project.facts, project.packages)
    gunicorn, gevent = (_numbers(answers, name) for name in ("gunicorn", "gevent"))
    if not green.is_too_new(mode, gunicorn, gevent) or green.LAST in project.dependencies.instead:
        return project, answers
    why = f"gunicorn {answers.versions['gunicorn']} has no worker for the {mode} that is installed"
    finding = Finding("in its place", green.LAST, why, level="warning")
    other = replace(project.dependencies, instead=(*project.dependencies.instead, green.LAST))
    changed = replace(project, dependencies=other, findings=(*project.findings, finding))
    versions = {**answers.versions, "gunicorn": green.LAST.partition("==")[2]}
    return changed, replace(answers, versions=versions)


def _numbers(answers: Answers, name: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", answers.versions.get(name, ""))[:2]))


def _with_setuptools(project: Project, answers: Answers) -> Project:
    for name, (until, what) in _LOADS.items():
        version = answers.versions.get(name, "")
        numbers = tuple(map(int, re.findall(r"\d+", version)[: len(until)]))
        wanted = name != "flask" or answers.migrate
        if not numbers or numbers >= until or not wanted:
            continue
        if repairs.SETUPTOOLS not in project.dependencies.extra:
            added = choosing.with_server(project.dependencies, (repairs.SETUPTOOLS,))
            why = f"{name} {version} {what}"
            finding = Finding("added", repairs.SETUPTOOLS, why, level="warning")
            return replace(project, dependencies=added, findings=(*project.findings, finding))
    return project


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
