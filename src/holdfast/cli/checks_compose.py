"""What would make a deploy of a Compose project fail, slow or dangerous, by its files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from holdfast.cli.problem import Problem, fatal
from holdfast.compose import fronts, handed, mounts, roles, variables, written
from holdfast.compose.dangers import dangers
from holdfast.compose.dockerfile import exposes, slow
from holdfast.compose.project import directory, read
from holdfast.config.models import Config
from holdfast.detect import composed
from holdfast.errors import DetectionError, HoldfastError
from holdfast.records import record


@record
class Said:
    """What is said besides the project's files.

    Attributes:
        given: variables that a deploy will be given.
        kept: the names of those on the server.
        offline: no server was asked, so nobody knows what is kept there.
    """

    config: Config
    given: Mapping[str, str]
    kept: set[str]
    offline: bool


def find(source: Path, said: Said) -> Iterator[Problem]:
    """Everything, of the source as it would be sent."""
    try:
        yield from _project(source, said)
    except HoldfastError as error:
        yield fatal(error)
    yield from _dockerfiles(source)


def _project(source: Path, said: Said) -> Iterator[Problem]:
    files, _ = composed.files(said.config, source)
    values = {**written.shipped(directory(source, files)), **(said.config.env or {}), **said.given}
    # Nobody knows what the server keeps: it may say any profile.
    unknown = {"COMPOSE_PROFILES"} if said.offline else said.kept
    enabled = written.profiles(said.config.compose.profiles, values, unknown - {*values})
    paths = [source / name for name in files]
    with written.understood(files):
        document = written.document(source, files, values, enabled)
        as_written = written.document(source, files, None, enabled)
        project = read(document)
    yield from _missing(as_written, paths, {*values}, said)
    if not (said.given or said.kept or said.config.env):
        for found in variables.not_sent(written.env_files(document), source, paths, kept=False):
            yield Problem(False, f"{found.what}: {found.value}", found.why)
    try:
        roles.check_profiles(project, read(written.document(source, files, values, {"*"})))
        asked = said.config.compose
        chosen = roles.assign(project, asked.web, asked.port, fronts.find(project, source))
    except DetectionError as error:
        if "*" not in enabled:
            raise
        yield Problem(False, f"{error.message} (if all profiles are on)", error.hint)
        return
    publish = said.config.compose.publish or ()
    roles.check_published(chosen, publish)
    names = chosen.everything
    for item in handed.not_sent(document, names, source):
        yield fatal(handed.lacking(item))
    for away in mounts.outside(project, names, source):
        yield fatal(away)
    shipped = frozenset(
        path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()
    )
    bound = list(mounts.binds(project, chosen, source, shipped))
    yield from (Problem(False, one.message, one.hint) for one in mounts.awaited(bound, None))
    build = project.services[chosen.web].build
    if chosen.port is None and build is not None and not exposes(build):
        why = "EXPOSE in its Dockerfile says it, or holdfast.toml: [compose] port = 8000"
        yield Problem(False, f"nothing says on which port {chosen.web} listens", why)
    for found in (item for item in chosen.findings if item.level == "warning"):
        yield Problem(False, f"{found.what}: {found.value}", found.why)
    ours = {*said.kept, *said.given, *(said.config.env or {})}
    for found in dangers(project, chosen, bound, paths, ours, publish):
        yield Problem(False, f"{found.what}: {found.value}", found.why)


def _missing(
    document: written.Document, paths: list[Path], values: set[str], said: Said
) -> Iterator[Problem]:
    lacking = variables.missing(variables.uses(document), values | said.kept)
    seen = "may not be set" if said.offline else "is not set"
    for name, where in sorted(lacking.items()):
        at = variables.line_of(name, paths) or where
        yield Problem(not said.offline, f"{name} {seen}; {at}, uses it", f"holdfast env set {name}")


def _dockerfiles(directory: Path) -> Iterator[Problem]:
    """Lines that make every build slow; of Dockerfiles at the top and one below."""
    for path in sorted([*directory.glob("Dockerfile*"), *directory.glob("*/Dockerfile*")]):
        if path.is_file():
            for item in slow(path.read_text(errors="replace")):
                where = f"{path.relative_to(directory)}, line {item.line}"
                yield Problem(False, f"{where}: {item.why}", item.instead)
