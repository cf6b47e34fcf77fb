"""What would make a deploy fail, as far as it shows without running anything."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from holdfast.cli.findings import find
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where
from holdfast.cli.problem import Problem, fatal
from holdfast.cli.project import LOCAL, Beginning, begin, in_docker, no_server
from holdfast.cli.variables import left_out, read_files, without
from holdfast.errors import HoldfastError

if TYPE_CHECKING:
    from holdfast.detect import Project

_ALWAYS_SET = frozenset({"PATH", "HOME", "LANG", "PORT", "PWD", "USER", "TMPDIR", "VIRTUAL_ENV"})
"""Variables that every process has, or that the system gives."""


def find_problems(
    invocation: Invocation,
    where: Where,
    domains: Sequence[str],
    env_files: Sequence[str],
    *,
    offline: bool = False,
) -> list[Problem]:
    """All problems, the fatal ones first.

    Args:
        offline: no server is asked, so a variable may be set there: none is fatal.

    A wrong config is the only one told: what else there is cannot be judged without it.
    """
    try:
        beginning = begin(invocation, where, domains, offline=offline)
        given = read_files(map(invocation.path, env_files))
        given, ours = without(given, left_out(invocation, where, given))
    except HoldfastError as error:
        return [fatal(error)]
    problems = [
        *(Problem(False, text, None) for text in ours),
        *(() if offline else _server(beginning)),
        *_project(invocation, beginning, given, offline),
        *(Problem(False, text, None) for text in beginning.config.warnings),
    ]
    return sorted(problems, key=lambda problem: not problem.fatal)


def _server(beginning: Beginning) -> Iterator[Problem]:
    if beginning.server is None and not beginning.known:
        yield fatal(no_server("deploy"))


def _project(
    invocation: Invocation, beginning: Beginning, given: dict[str, str], offline: bool
) -> Iterator[Problem]:
    """What detection says, the variables that the code wants, and what of it is sent."""
    directory = invocation.directory
    with tempfile.TemporaryDirectory(prefix="holdfast-") as home:
        source = Path(home) / "source"
        packed = list(_source(directory, Path(home)))
        if not in_docker(directory, beginning.config):
            yield from _detected(directory, beginning, set(given), offline)
        elif (archive := Path(home) / "source.tar").exists():
            from holdfast.cli import checks_compose
            from holdfast.releases.unpack import unpack

            unpack(archive, source)
            kept = set() if offline else beginning.variables()
            said = checks_compose.Said(beginning.config, given, kept, offline)
            yield from checks_compose.find(source, said)
        yield from packed


def _detected(
    directory: Path, beginning: Beginning, given: set[str], offline: bool
) -> Iterator[Problem]:
    from holdfast.detect import system

    try:
        project, spec = find(directory, beginning)
    except HoldfastError as error:
        yield fatal(error)
        return
    yield from _variables(project, beginning, given, offline)
    here = system.lacking(system.needs(project)) if beginning.server == LOCAL else []
    for finding in (*spec.findings, *here):
        if finding.level == "warning":
            yield Problem(False, f"{finding.what}: {finding.value}", finding.why)


def _variables(
    project: Project, beginning: Beginning, given: set[str], offline: bool
) -> Iterator[Problem]:
    from holdfast.detect.facts import EnvRead

    known = given | _ALWAYS_SET | set(beginning.config.env) | set(project.env)
    known |= set(project.generate)
    wanted = {
        fact.name: fact
        for fact in reversed(project.all(EnvRead))
        if fact.is_missing(known) and not _is_test(fact.evidence.file)
    }
    kept = beginning.variables() if wanted and not offline else set()
    for name, fact in sorted(wanted.items()):
        if fact.is_missing(kept) and not name.startswith("HOLDFAST_"):
            loaded = not project.loaded or fact.evidence.file in project.loaded
            said = "and has no default" if loaded else "if it is used at all"
            seen = "may not be set" if offline else "is not set"
            yield Problem(
                loaded and not offline,
                f"{name} {seen}; {fact.evidence} reads it, {said}",
                f"holdfast env set {name}",
            )
    yield from _without_value(project, known | kept | set(wanted))


def _without_value(project: Project, known: set[str]) -> Iterator[Problem]:
    """Variables that are ``None`` where they are missing, and name something outside."""
    from holdfast.detect import outside

    for fact in outside.unset(project, known):
        text = f"{fact.name} is not set; {fact.evidence} reads it, and gets None"
        yield Problem(False, text, f"holdfast env set {fact.name}")


def _is_test(file: str) -> bool:
    parts = PurePosixPath(file).parts
    return any(part in ("test", "tests", "conftest.py") for part in parts) or parts[-1].startswith(
        "test_"
    )


def _source(directory: Path, into: Path) -> Iterator[Problem]:
    """Packs the source, as a deploy would."""
    from holdfast.releases.source import pack

    try:
        packed = pack(directory, into)
    except HoldfastError as error:
        yield fatal(error)
        return
    for note in packed.notes:
        yield Problem(False, note, None)
