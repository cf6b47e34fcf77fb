"""``probe``: ask the framework, in a process of the app's own environment."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from holdfast.config import Config
from holdfast.detect import answers, asks, causes, tools
from holdfast.detect.answers import Answers
from holdfast.detect.facts import ToolApp
from holdfast.detect.health import KNOWN
from holdfast.detect.project import Candidate, Project
from holdfast.errors import CommandFailed, DetectionError

Run = Callable[[str], str]
"""Runs a Python script with the app's Python and environment, in the root of its source.

It gives back what the script printed, and raises CommandFailed for a bad end or a
time-out (30 s are plenty). The script should reach Python on standard input or with
``-c``; values of secrets must be masked in what comes back.
"""

MARKER = "holdfast-answer: "
_OURS = re.compile(
    r"^from (?:__future__|holdfast\.detect\.asks\.\w+) import (?:\([^)]*\)|.*)\n", re.MULTILINE
)
"""Lines that a script loses when it is joined to ``common.py``: nothing of ours is there."""

_BESIDE = {
    "django": ("django_static",),
    "streamlit": ("streamlit_secrets", "imports"),
    "tool": ("imports",),
}
"""Scripts of several files: the others."""

_MOST_CANDIDATES = 4
_CLOSE = 25
"""Points within which candidates are taken for equals: then the next one is tried."""


def probe(project: Project, run: Run, config: Config | None = None) -> Answers:
    """Learn from the framework what its files don't say.

    Raises:
        DetectionError: the app can't be imported; the detail is the end of the traceback.
            Where ``config`` gives the web command, this is no reason to stop, and stands
            in ``Answers.failed``.
    """
    if project.tool is not None:
        return _ask_tool(project, project.tool, run)
    if project.framework == "command":
        return Answers()
    try:
        return _ask(project, run)
    except DetectionError as error:
        if config is not None and config.web.command:
            return Answers(failed=error)
        raise


_RUN_ONCE = ("streamlit", "voila")
"""Tools whose page is a shell that answers 200 whatever the script does."""


def _ask_tool(project: Project, tool: ToolApp, run: Run) -> Answers:
    """The script itself is run once, where its end comes; else what serves it is imported."""
    runs = tool.tool in _RUN_ONCE
    file = tool.evidence.file
    what = file if runs else tools.TOOLS_AND_NOTEBOOKS[tool.tool].module
    candidate = Candidate("command", "wsgi", file, what, tool.evidence, directory=project.directory)
    paths = tuple(filter(None, project.env.get("PYTHONPATH", "").split(":")))
    candidate = replace(candidate, pythonpath=paths)
    asked = replace(project, candidates=(candidate,))
    return replace(_ask(asked, run, tool.tool if runs else "tool"), candidate=None)


def _ask(project: Project, run: Run, how: str | None = None) -> Answers:
    candidates = _equals(project.candidates)
    try:
        output = run(script(project, candidates, how))
    except CommandFailed as error:
        raise causes.of_bad_end(project, error) from error
    value = _answer(output)
    if value is None:
        raise causes.of_silence(project, output)
    if value.get("chosen") is None:
        present = frozenset(map(str, value.get("set", ())))
        failures = value.get("failures", [])
        printed = output[: output.rfind(MARKER)]
        raise causes.of_failures(project, candidates, failures, present, printed)
    return answers.from_json(value, _with_settings(candidates[value["chosen"]]))


def _with_settings(candidate: Candidate) -> Candidate:
    return replace(candidate, why=(*candidate.why, "it was imported, and it is the app"))


def _equals(candidates: tuple[Candidate, ...]) -> tuple[Candidate, ...]:
    """The best candidate and those close to it; one far below is not the app by accident."""
    best = candidates[0].score
    close = [item for item in candidates if best - item.score <= _CLOSE]
    return tuple(close[:_MOST_CANDIDATES])


def script(project: Project, candidates: tuple[Candidate, ...], how: str | None = None) -> str:
    """The program that asks; it takes nothing from its arguments.

    Args:
        how: the script of ``asks/``; the framework's if ``None``.
    """
    given = {
        "env": dict(project.env),
        "candidates": [
            {
                "module": item.module,
                "attribute": item.attribute,
                "factory": item.factory,
                "directory": item.directory,
                "pythonpath": list(item.pythonpath),
                "health": list(KNOWN),
                "entry": item.entry,
                "file": os.path.relpath(item.evidence.file, item.directory),
            }
            for item in candidates
        ],
    }
    common, own = asks.text("common"), asks.text(how or project.framework)
    for beside in _BESIDE.get(how or project.framework, ()):
        own = f"{asks.text(beside)}\n{own}"
    own = _OURS.sub("", own)
    # Settings look at sys.argv[1]: under a server it names the app.
    call = (
        f"sys.argv[:] = ['serve', 'app']\ngiven = json.loads({json.dumps(given)!r})\n"
        "for name, value in given['env'].items():\n    os.environ.setdefault(name, value)\n"
        "main(ask, given)"
    )
    speaking = _OURS.sub("", asks.text("speaking"))
    return f"{common}\n{speaking}\n{own}\n{call}\n"


def _answer(output: str) -> Mapping[str, Any] | None:
    """The line behind the last marker."""
    start = output.rfind(MARKER)
    if start < 0:
        return None
    line = output[start + len(MARKER) :].partition("\n")[0]
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
