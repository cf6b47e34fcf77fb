"""Choices among facts that concern the environment: dependency files, Python, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from holdfast.app import Dependencies, Finding
from holdfast.config import Config
from holdfast.detect import inference, refusal, secrets
from holdfast.detect.facts import DependencyFile, EnvRead, Fact, NeedsInstalling, PythonRequest
from holdfast.detect.lines import normalise, specifier
from holdfast.detect.tree import Tree, parent
from holdfast.records import record

_NAME = re.compile(r"[A-Za-z0-9._-]+")


@record
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
    wanted = inference.wanted_by(tree, app_file)
    best = max(near, key=lambda item: (-len(wanted - item.packages), _weight(item)))
    refusal.of_lines_outside(tree, (best.evidence.file, *best.also))
    passed_over = [item for item in near if item is not best]
    python, why_python = _python(config, facts, best)
    return Chosen(
        _as_dependencies(best, config, facts, python),
        best.packages,
        best.direct,
        (_finding(best, passed_over, wanted), *_left_out(best), *why_python),
    )


def _left_out(best: DependencyFile) -> Iterator[Finding]:
    if best.left_out:
        why = f"{best.evidence.file} names them; they belong to another system, or to Python itself"
        yield Finding("not installed", ", ".join(best.left_out), why)


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
    return _WEIGHTS[item.source] + 2 * (item.pinned and item.source == "requirements")


_WEIGHTS = {"script": 9, "uv.lock": 8, "poetry": 6, "pdm": 7, "pipenv": 4, "requirements": 3,
            "pyproject": 4, "setup": 2, "conda": 1}  # fmt: skip


_BUILT = ("setup", "poetry", "pdm")
"""Whose projects are installed by their folder, beside the lines that their files have."""


def _as_dependencies(
    best: DependencyFile, config: Config, facts: Sequence[Fact], python: str | None
) -> Dependencies:
    wanted = (*best.besides, *(config.build.packages or ()))
    exact = config.app.python is not None
    install = any(isinstance(fact, NeedsInstalling) for fact in facts)
    if best.requirements or best.source == "script":
        itself = (f"./{parent(best.evidence.file)}",) if install and best.source in _BUILT else ()
        lines = (*best.requirements, *itself, *wanted)
        return Dependencies("none", (), lines, False, python, exact)
    assert best.source in ("uv.lock", "pyproject", "requirements")
    files = (best.evidence.file, *best.also)
    return Dependencies(best.source, files, wanted, install, python, exact)


_SAYS = {
    "uv.lock": "uv.lock locks every version",
    "pyproject": "its [project] table lists them",
    "script": "its header lists them (PEP 723)",
    "poetry": "Poetry's table lists them",
    "pdm": "its [project] table lists them",
    "pipenv": "Pipenv's table lists them",
    "conda": "its list, by their names on PyPI",
    "setup": "its install_requires lists them",
}


def _finding(
    best: DependencyFile, passed_over: Sequence[DependencyFile], wanted: frozenset[str]
) -> Finding:
    what = _SAYS.get(best.source) or (
        "every line pins a version" if best.pinned else "it lists them"
    )
    if best.also and best.pinned and best.source not in ("uv.lock", "requirements"):
        what += f", {best.also[0]} pins them"
    others = "; ".join(_passed_over(item, best, wanted) for item in passed_over)
    tail = f"; passed over: {others} ([build] requirements would choose it)" if others else ""
    return Finding("dependencies", best.evidence.file, what + tail)


def _passed_over(item: DependencyFile, best: DependencyFile, wanted: frozenset[str]) -> str:
    """A file that does not count, and where it disagrees."""
    missing = sorted(wanted - item.packages - (wanted - best.packages))
    if missing:
        return f"{item.evidence.file}, which lacks {', '.join(missing)}"
    more = sorted(item.direct - best.packages)
    if not more:
        return item.evidence.file
    named = ", ".join(more[:4]) + (", …" if len(more) > 4 else "")
    return f"{item.evidence.file}, which has {named} besides"


def _python(
    config: Config, facts: Sequence[Fact], best: DependencyFile | None
) -> tuple[str | None, tuple[Finding, ...]]:
    if config.app.python:
        return config.app.python, (Finding("python", config.app.python, "holdfast.toml says so"),)
    if best is not None and best.python:
        return best.python, (Finding("python", best.python, f"the header of {best.evidence.file}"),)
    requests = [fact for fact in facts if isinstance(fact, PythonRequest)]
    requests.sort(key=_weight_of)
    if requests and _is_syntax(requests[0]):  # several files: what the newest needs
        requests.sort(key=lambda item: item.version, reverse=True)
    if not requests:
        return None, ()
    first = requests[0]
    version = first.version if first.evidence.file in _ORDER else asked(first.version)
    why = str(first.evidence)
    if _is_syntax(first):
        why += ": its syntax is read by no earlier Python, and no file asks for one"
    return version, (Finding("python", version or "any", why),)


_ORDER = {".python-version": 0, "runtime.txt": 1}


def _weight_of(request: PythonRequest) -> int:
    """What counts more comes first: what Python's own files say, other platforms', the code."""
    last = 4 if _is_syntax(request) else 3 if request.elsewhere else 2
    return _ORDER.get(request.evidence.file, last)


def _is_syntax(request: PythonRequest) -> bool:
    """Whether it is the code that asks, not somebody in a file for that."""
    return request.evidence.file.endswith(".py")


def asked(version: str) -> str | None:
    """A requirement (``^3.9``, ``>=3.10,<3.12``, ``3.11.*``) as uv takes it."""
    plain = specifier(version) if version[:1] in "^~" else version.replace(" ", "")
    match = re.fullmatch(r"(?:==)?(\d+\.\d+)(?:\.[\d*]+)?", plain)
    if match:  # of 3.11.4 only 3.11 is asked for: later patches have fewer holes
        return match[1]
    return plain if re.fullmatch(r"[<>=!~\d.,*]+", plain) else None


def _inferred(tree: Tree, config: Config, facts: Sequence[Fact]) -> Chosen:
    """No file says what to install: what the code imports, as far as it is well known."""
    guess = inference.infer(tree)
    python, why_python = _python(config, facts, None)
    wanted = (*guess.packages, *(config.build.packages or ()))
    return Chosen(
        Dependencies("none", (), wanted, False, python, config.app.python is not None),
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
