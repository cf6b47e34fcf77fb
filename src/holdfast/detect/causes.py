"""Why an app can't be imported, in words that say what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast import environment
from holdfast.detect import dropped, inference
from holdfast.detect.facts import (
    EnvRead,
    Evidence,
    Pointer,
    PythonRequest,
    SampleValue,
    StartsServer,
)
from holdfast.detect.project import Candidate, Project
from holdfast.distribution import here, parts
from holdfast.errors import CommandFailed, DetectionError

_TAIL = 25


class ImportFailed(DetectionError):
    """The app cannot be imported.

    Attributes:
        kind: the exception's name; ``module``: what a ModuleNotFoundError misses.
        said: the exception's own words.
        lacks: directories of the project that are not there, and would do.
    """

    def __init__(self, message: str, failure: Mapping[str, Any], *, hint: str, detail: str) -> None:
        super().__init__(message, hint=hint, detail=detail)
        self.kind = str(failure.get("type"))
        self.module = str(failure.get("name") or "") or None
        self.said = str(failure.get("message", ""))
        self.lacks = tuple(map(str, failure.get("lacks", ())))


def of_failures(
    project: Project,
    candidates: Sequence[Candidate],
    failures: Sequence[Mapping[str, Any]],
    present: frozenset[str] = frozenset(),
    printed: str = "",
) -> ImportFailed:
    """No candidate was the app: the best one's failure is told.

    Args:
        present: names of the variables that were set. Where one is missing, all that are
            missing are named at once.
        printed: what the app printed: one that ends Python by itself says there why.
    """
    real = [item for item in failures if item.get("type") != "NotThis"]
    first = (real or failures)[0]
    candidate = candidates[int(first.get("candidate", 0))]
    detail = _tail(str(first.get("traceback", "")))
    last = next((line for line in reversed(printed.splitlines()) if line.strip()), "")
    if first.get("type") == "SystemExit" and last:
        first = {**first, "message": f"{first.get('message')}, after it printed: {last.strip()}"}
        detail = f"{_tail(printed)}\n{detail}"
    missing = _not_set(project, first, present)
    if missing:
        said = _named(missing)
        if not any(item.required for item in missing):  # likely, not certain: both are told
            said = f"{candidate.target} cannot be imported: {_problem(first)}; {said}"
        return ImportFailed(said, first, hint=_to_set(project, missing), detail=detail)
    if first.get("file"):
        return _not_read(project, first, detail)
    return ImportFailed(
        f"{candidate.target} cannot be imported: {_problem(first)}",
        first,
        hint=_hint(project, first, candidate),
        detail=detail,
    )


def _problem(failure: Mapping[str, Any]) -> str:
    """The exception and its own words, on one line."""
    words = _one_line(str(failure.get("message", ""))) or "no reason given"
    return f"{failure.get('type')}: {words}"


def _not_read(project: Project, failure: Mapping[str, Any], detail: str) -> ImportFailed:
    """A file that the app's Python cannot read: which, where, and whose it is."""
    file, python = str(failure["file"]), failure.get("python")
    said = f"{Evidence(file, failure.get('line'))}: Python {python} cannot read this file"
    hint = f"correct it (python3 -m py_compile {file} shows the line), then try again"
    needs = next((item for item in project.all(PythonRequest) if item.evidence.file == file), None)
    if needs is not None:
        hint = _written_for(project, needs.version.removeprefix(">="))
    if file.startswith("/"):
        lists = ", ".join(project.dependencies.files[:1]) or "the dependencies"
        hint = f"a package is too old or too new for Python {python}; look at {lists}"
    return ImportFailed(f"{said}: {failure.get('said')}", failure, hint=hint, detail=detail)


def _written_for(project: Project, version: str) -> str:
    """What to do about a file that needs a later Python than the app got."""
    if project.dependencies.python == f">={version}":
        return f"it is written for Python {version}, and none was found: install it on the server"
    return (
        f"it is written for Python {version}: say so in .python-version (the line {version}) "
        f'or in holdfast.toml ([app] python = "{version}")'
    )


def _not_set(
    project: Project, failure: Mapping[str, Any], present: frozenset[str]
) -> list[EnvRead]:
    """The variables that the app needs and nobody set, if the failure is for one of them."""
    if failure.get("type") in ("ModuleNotFoundError", "ImportError", "SyntaxError"):
        return []
    message = str(failure.get("message"))
    named = _variable(project, message)
    if named is None and _NONE.search(message):
        return _came_out_none(project, present)
    if named is None or named.name in present:
        return []
    found = {named.name: named}
    for fact in project.all(EnvRead):
        aside = {"scripts", "tools", "examples", "docs"} & set(fact.evidence.file.split("/"))
        near = not project.loaded or fact.evidence.file in {named.evidence.file, *project.loaded}
        if near and fact.is_missing(present) and not aside:
            found.setdefault(fact.name, fact)
    return sorted(found.values(), key=lambda item: item.name)


_NONE = re.compile(r"\bNone(?:Type)?\b")
"""An error about a value that is not there: ``create_engine(os.getenv("DATABASE_URL"))``."""


def _came_out_none(project: Project, present: frozenset[str]) -> list[EnvRead]:
    """The variables of the app's files that are ``None`` for nobody set them."""
    found: dict[str, EnvRead] = {}
    for fact in project.all(EnvRead):
        if (fact.bare or fact.required) and fact.name not in present:
            if fact.evidence.file in project.loaded:
                found.setdefault(fact.name, fact)
    return sorted(found.values(), key=lambda item: item.name)


def _named(missing: Sequence[EnvRead]) -> str:
    names = ", ".join(f"{item.name} ({item.evidence})" for item in missing)
    count = "1 variable is" if len(missing) == 1 else f"{len(missing)} variables are"
    return f"{count} not set: {names}"


def _to_set(project: Project, missing: Sequence[EnvRead]) -> str:
    """A command for each, and how its value looks where a sample says it."""
    samples = {item.name: item for item in reversed(project.all(SampleValue)) if item.value}
    lines = []
    for item in missing:
        sample = samples.get(item.name)
        looks = f"   # like {sample.value} ({sample.evidence})" if sample else ""
        lines.append(f"holdfast env set {item.name}{looks}")
    parts = [item.name for item in missing if item.name in project.split]
    if len(parts) > 1:
        lines.append(f"holdfast env set DATABASE_URL   # fills {', '.join(parts)}")
    return "\n".join(lines)


def _hint(project: Project, failure: Mapping[str, Any], candidate: Candidate) -> str:
    kind, message = str(failure.get("type")), str(failure.get("message"))
    if (part := parts.missed(f"{kind}: {message}")) is not None:
        return f"{part.name} is not on this machine: {here.command([part])}"
    if kind in ("ModuleNotFoundError", "ImportError"):
        return _missing_module(project, failure)
    if kind == "AttributeError" and dropped.of_python(message) is not None:
        return _older_python(project, failure)
    named = _variable(project, message)
    if named:
        return f"{named.evidence} reads {named.name}: holdfast env set {named.name}"
    if (absent := _absent(project, message)) is not None:
        return absent
    if kind == "NotThis":
        return (
            f"say which object is the app: [web] command in holdfast.toml; tried {candidate.target}"
        )
    if (name := environment.missed(f"{kind}: {message}")) is not None:
        return f"the app wants the variable {name}: holdfast env set {name}"
    return "run the app in a fresh virtual environment to see the same error"


def _absent(project: Project, message: str) -> str | None:
    """What to do where something of the project itself is not here, or not installed."""
    if pointers := project.all(Pointer):
        here_only = f"{pointers[0].evidence} is a pointer of Git LFS, without what it points to"
        return f"{here_only}: git lfs pull, then deploy again"
    if (asked := NO_METADATA.search(message)) is None:
        return None
    where = ", ".join(project.dependencies.files[:1]) or "[build] packages in holdfast.toml"
    return (
        f"it asks for the version of {asked[1] or asked[2]}, which is not installed: name it in"
        f" {where}; if it is the project itself, its pyproject.toml needs a [build-system]"
    )


NO_METADATA = re.compile(
    r"No package metadata was found for ['\"]?([\w.-]+)|The '([\w.-]+)' distribution was not found"
)
"""What ``importlib.metadata.version`` and ``pkg_resources`` say of what is not installed."""


def _missing_module(project: Project, failure: Mapping[str, Any]) -> str:
    name = str(failure.get("name") or "").partition(".")[0]
    package = inference.PACKAGES.get(name)
    where = ", ".join(project.dependencies.files[:1]) or "[build] packages in holdfast.toml"
    message = str(failure.get("message"))
    if (own := dropped.hidden(message)) is not None:
        return (
            f"{own} is a module of Python's own, and the project's {own} stands before it: give"
            " the project's another name"
        )
    if dropped.of_python(message) is not None or name in dropped.GONE:
        return _older_python(project, failure)
    inner = str(failure.get("name") or "")
    if "." in inner and name in inference.PACKAGES and inner not in inference.PACKAGES:
        package = inference.PACKAGES[name]
        return f"the version of {package} that is installed has no {inner}: say another in {where}"
    if not name or failure.get("type") == "ImportError":
        return f"a dependency has another version than the code wants; look at {where}"
    if project.settings and str(failure.get("name")) == project.settings:
        return (
            f"no file of the project is the settings module {project.settings}: is it committed to "
            "git? DJANGO_SETTINGS_MODULE under [env] in holdfast.toml names another"
        )
    if name in {item.module.partition(".")[0] for item in project.candidates}:
        return f"no file of the project is {failure.get('name')}: is it committed to git?"
    if package is None:
        return (
            f"{name} is no package that is well known: name the one that has it in {where}; if it "
            "is the project's own, run holdfast in the folder that it is imported from"
        )
    return f"{name} is not installed: add {package} to {where}"


def _older_python(project: Project, failure: Mapping[str, Any]) -> str:
    """What to do where Python itself has dropped what the app, or a package of its, imports."""
    message, name = str(failure.get("message")), str(failure.get("name") or "")
    python = failure.get("python") or "this one"
    bound = dropped.bound(message)
    older = f"one before {bound[1:]}" if bound else "an older one"
    if (package := dropped.GONE.get(name)) is not None:
        where = ", ".join(project.dependencies.files[:1]) or "[build] packages in holdfast.toml"
        return f"Python no longer has {name}: add {package} to {where}"
    return (
        f"Python {python} no longer has it: ask for {older} in [app] python of holdfast.toml, or "
        "for a later version of the package that imports it"
    )


def _variable(project: Project, message: str) -> EnvRead | None:
    """The variable an error speaks of, among those that the code reads.

    Pydantic and Dynaconf speak of a field; its variable has a prefix besides.
    """
    words = {word.upper() for word in re.findall(r"\w+", message)}
    reads = project.all(EnvRead)
    exact = next((item for item in reads if item.name.upper() in words), None)
    if exact is not None:
        return exact
    wanted = [item for item in reads if item.required]
    return next(
        (item for item in wanted if any(_is_part(word, item.name.upper()) for word in words)),
        None,
    )


def _is_part(word: str, name: str) -> bool:
    """Whether an error that says ``word`` may mean the variable: its end, or its table."""
    return name.endswith(f"_{word}") or name.startswith(f"{word}__")


def of_bad_end(project: Project, error: CommandFailed) -> DetectionError:
    """The process crashed, or never ended."""
    candidate = project.candidates[0]
    starts = project.all(StartsServer)
    if error.returncode is None:
        what = f"importing {candidate.module} took too long and was stopped"
        hint = "what runs when the module is imported must end; start nothing there"
        if starts:
            hint = (
                f"{starts[0].evidence}: {starts[0].call}() runs on import; put it under "
                'if __name__ == "__main__":'
            )
    else:
        what = f"importing {candidate.module} ended Python with status {error.returncode}"
        hint = "a compiled package may not fit this machine; the detail is all that it said"
    return DetectionError(what, hint=hint, detail=_tail(error.output))


def of_silence(project: Project, output: str) -> DetectionError:
    """It ended well and gave no answer: the app ended Python itself."""
    candidate = project.candidates[0]
    return DetectionError(
        f"importing {candidate.module} ended Python before it could be asked",
        hint="the module calls os._exit() or replaces standard output when it is imported",
        detail=_tail(output),
    )


def _one_line(message: str) -> str:
    line = " ".join(message.split())
    return line if len(line) <= 200 else line[:199] + "…"


def _tail(text: str) -> str:
    return "\n".join(text.rstrip().splitlines()[-_TAIL:])
