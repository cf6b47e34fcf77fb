"""An object that looks like one protocol and speaks another gets the other's server."""

from __future__ import annotations

from dataclasses import replace

from holdfast.app import Finding
from holdfast.detect import choosing, server
from holdfast.detect.answers import Answers
from holdfast.detect.project import Project


def fitted(project: Project, answers: Answers) -> tuple[Project, Answers]:
    """Both with the protocol that the object was heard to speak."""
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
