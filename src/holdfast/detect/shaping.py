"""App objects that no server can name, and scripts that listen where they please.

A module beside the release gives the object a name, or starts the script and has it listen
where the edge looks.
"""

from __future__ import annotations

from dataclasses import replace

from holdfast.app import Overlay
from holdfast.detect import handlers, scripts, tools
from holdfast.detect.answers import Answers
from holdfast.detect.candidates import ENTRY
from holdfast.detect.project import Candidate, Project
from holdfast.records import record


@record
class Shaped:
    answers: Answers
    overlay: Overlay


def shape(project: Project, answers: Answers) -> Shaped:
    """The app under a name that every server takes."""
    if project.tool is not None and project.tool.tool == "gradio":
        return Shaped(answers, Overlay({f"{tools.LAUNCHER}.py": tools.GRADIO}))
    if project.tool is not None and project.tool.last:
        of_functions = project.tool.tool == handlers.TOOL
        text = handlers.LAUNCHER if of_functions else scripts.launcher(project.tool.tool)
        return Shaped(answers, Overlay({f"{tools.LAUNCHER}.py": text}))
    if project.tool is not None and tools.reads_secrets(project.facts, project.tool):
        return Shaped(answers, Overlay({f"{tools.LAUNCHER}.py": tools.streamlit()}))
    candidate = answers.candidate
    if candidate is not None and candidate.entry:
        return Shaped(answers, Overlay({f"{ENTRY}.py": candidate.entry}))
    if candidate is None or "." not in candidate.attribute:
        return Shaped(answers, Overlay())
    named = replace(candidate, module=ENTRY, attribute="application", factory=False)
    return Shaped(replace(answers, candidate=named), Overlay({f"{ENTRY}.py": _entry(candidate)}))


def _entry(candidate: Candidate) -> str:
    first = candidate.attribute.partition(".")[0]
    call = "()" if candidate.factory else ""
    return (
        '"""Written by Holdfast: the app under a name that a server can be given."""\n\n'
        f"from {candidate.module} import {first}\n\n"
        f"application = {candidate.attribute}{call}\n"
    )


def joined(one: Overlay, two: Overlay) -> Overlay:
    return Overlay({**one.modules, **two.modules}, {**one.env, **two.env})
