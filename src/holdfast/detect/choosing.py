"""Choices among facts that concern the environment: dependency files, Python, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from holdfast.app import Dependencies, Finding
from holdfast.config import Config
from holdfast.detect import inference, secrets
from holdfast.detect.dependencies import normalise
from holdfast.detect.facts import DependencyFile, EnvRead, Fact, NeedsInstalling, PythonRequest
from holdfast.detect.tree import Tree, parent

_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Chosen:
    """How the environment is filled, which packages that means, and why."""

    dependencies: Dependencies
    packages: frozenset[str]
    direct: frozenset[str]
    findings: tuple[Finding, ...]


def dependencies(
    tree: Tree, config: Config, facts: Sequence[Fact], directory: str, app_file: str | None
) -> Chosen:
    """The dependency file that counts for an app in ``directory``, and what the user added."""
    chosen = _dependencies(tree, config, facts, directory, app_file)
    names = (_NAME.match(item) for item in config.build.packages or ())
    added = {normalise(name[0]) for name in names if name}
    return replace(chosen, packages=chosen.packages | added, direct=chosen.direct | added)


def _dependencies(
    tree: Tree, config: Config, facts: Sequence[Fact], directory: str, app_file: str | None
) -> Chosen:
    files = [fact for fact in facts if isinstance(fact, DependencyFile)]
    near = _nearest(files, directory, app_file)
    if not near:
        return _inferred(tree, config, facts)
    best = max(near, key=_weight)
    passed_over = [item for item in near if item is not best]
    python, why_python = _python(config, facts, best)
    return Chosen(
        _as_dependencies(best, config, facts, python),
        best.packages,
        best.direct,
        (_finding(best, passed_over), *why_python),
    )


def _nearest(
    files: Sequence[DependencyFile], directory: str, app_file: str | None
) -> list[DependencyFile]:
    """Those of the app's own directory, else of the next one above, else any."""
    own = [item for item in files if item.source == "script" and item.evidence.file == app_file]
    if own:
        return own
    others = [item for item in files if item.source != "script"]
    while True:
        here = [item for item in others if _home(item) == directory]
        if here or directory == ".":
            return here or others[:1]
        directory = parent(directory)


def _home(item: DependencyFile) -> str:
    directory = parent(item.evidence.file)
    return parent(directory) if directory.rpartition("/")[2] == "requirements" else directory


def _weight(item: DependencyFile) -> int:
    """A lock before a list, and what is pinned before what is not."""
    if item.source == "requirements":
        return 3 if item.pinned else 1
    return {"script": 5, "uv.lock": 4, "pyproject": 2}[item.source]


def _as_dependencies(
    best: DependencyFile, config: Config, facts: Sequence[Fact], python: str | None
) -> Dependencies:
    wanted = config.build.packages or ()
    if best.source == "script":
        return Dependencies("none", extra=(*best.requirements, *wanted), python=python)
    install = any(isinstance(fact, NeedsInstalling) for fact in facts)
    files = (best.evidence.file, *best.also)
    return Dependencies(best.source, files, wanted, install, python)


def _finding(best: DependencyFile, passed_over: Sequence[DependencyFile]) -> Finding:
    what = {
        "uv.lock": "it locks every version",
        "pyproject": "its [project] table lists them",
        "requirements": "every line pins a version" if best.pinned else "it lists them",
        "script": "its header lists them (PEP 723)",
    }[best.source]
    others = ", ".join(str(item.evidence.file) for item in passed_over)
    tail = f"; passed over: {others} ([build] requirements would choose it)" if others else ""
    return Finding("dependencies", best.evidence.file, what + tail)


def _python(
    config: Config, facts: Sequence[Fact], best: DependencyFile | None
) -> tuple[str | None, tuple[Finding, ...]]:
    if config.app.python:
        return config.app.python, (Finding("python", config.app.python, "holdfast.toml says so"),)
    if best is not None and best.python:
        return best.python, (Finding("python", best.python, f"the header of {best.evidence.file}"),)
    requests = [fact for fact in facts if isinstance(fact, PythonRequest)]
    order = (".python-version", "runtime.txt")
    requests.sort(
        key=lambda item: order.index(item.evidence.file) if item.evidence.file in order else 2
    )
    if not requests:
        return None, ()
    first = requests[0]
    return first.version, (Finding("python", first.version, str(first.evidence)),)


def _inferred(tree: Tree, config: Config, facts: Sequence[Fact]) -> Chosen:
    """No file says what to install: what the code imports, as far as it is well known."""
    guess = inference.infer(tree)
    python, why_python = _python(config, facts, None)
    wanted = (*guess.packages, *(config.build.packages or ()))
    return Chosen(
        Dependencies("none", extra=wanted, python=python),
        frozenset(guess.packages),
        frozenset(guess.packages),
        (*guess.findings, *why_python),
    )


def with_server(chosen: Dependencies, extra: Iterable[str]) -> Dependencies:
    """The dependencies with a server besides; a package the user wrote is not doubled."""
    return replace(
        chosen, extra=(*chosen.extra, *(item for item in extra if item not in chosen.extra))
    )


def generate(config: Config, facts: Sequence[Fact], names: Iterable[str]) -> list[EnvRead]:
    """The variables any random value satisfies, one fact for each name."""
    prefixes = frozenset(name.upper().replace("-", "_") for name in names if name)
    found: dict[str, EnvRead] = {}
    for fact in facts:
        if not isinstance(fact, EnvRead) or fact.name in (config.env or {}):
            continue
        if secrets.satisfied_by_random(fact.name, prefixes):
            found.setdefault(fact.name, fact)
    return list(found.values())
