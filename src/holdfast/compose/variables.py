"""The variables that a project's files use, and the lines where things stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfast.app import Finding
from holdfast.compose.project import Project
from holdfast.records import record

_USE = re.compile(r"\$\$|\$\{([A-Za-z_]\w*)(?:(:?[-?+])[^}]*)?\}|\$([A-Za-z_]\w*)")


_GIVEN = frozenset({"PWD", "COMPOSE_PROJECT_NAME"})
"""What nobody has to set: the shell's directory, which is the project's, and Compose's own."""


_HERE = re.compile(r"(?:^|//(?:[^@/]*@)?)(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?:[/?]|$)")


@record
class Use:
    """A variable; ``optional`` if a default or an alternative stands beside it."""

    name: str
    where: str
    optional: bool


def uses(document: Any, where: str = "") -> Iterator[Use]:
    """Every variable of a document that Compose printed with ``--no-interpolate``."""
    if isinstance(document, Mapping):
        for key, item in document.items():
            yield from uses(item, f"{where}.{key}" if where else str(key))
    elif isinstance(document, list):
        for item in document:
            yield from uses(item, where)
    elif isinstance(document, str):
        for match in _USE.finditer(document):
            name = match[1] or match[3]
            if name:
                yield Use(name, where, (match[2] or "").lstrip(":") in ("-", "+"))


def missing(found: Iterable[Use], known: Iterable[str]) -> dict[str, str]:
    """Variables that nobody sets and that have no default: name and where it is used."""
    there = {*known, *_GIVEN}
    return {use.name: use.where for use in found if use.name not in there and not use.optional}


def not_sent(
    missing: Iterable[Path], source: Path, files: Sequence[Path], *, kept: bool
) -> Iterator[Finding]:
    """What is said of files of variables that services name, which git ignores most often.

    Args:
        kept: there are variables for production, which stand in the place of each.
    """
    for path in missing:
        name = path.relative_to(source).as_posix()
        where = line_of(path.name, files) or "env_file"
        way = f"holdfast deploy --env-file {name} gives its values"
        if kept:
            why = f"not sent ({where}); what holdfast env keeps stands in its place, and {way}"
            yield Finding("variables", name, why)
        else:
            why = f"it was not sent, and nothing stands in its place ({where}): {way}"
            yield Finding("variables", name, why, "warning")


def here(
    said: Mapping[str, Any], given: Mapping[str, str], services: Iterable[str]
) -> dict[str, str]:
    """Variables that lead to the machine itself, where the project says a service of its own.

    ``DB_HOST=localhost`` is right beside containers. In one it is the container itself, where
    nothing of that kind is. Each with the service.

    Args:
        said: what a service gets by the files; ``given``: what it is given besides.
    """
    names = "|".join(map(re.escape, services))
    asks = re.compile(rf"(?:^|//(?:[^@/]*@)?)({names})(?::\d+)?(?:[/?]|$)")
    return {
        name: match[1]
        for name, value in given.items()
        if _HERE.search(value) and (match := asks.search(str(said.get(name) or "")))
    }


def told_here(
    project: Project, names: Iterable[str], given: Mapping[str, str], files: Sequence[Path]
) -> Iterator[Finding]:
    """What is said of those."""
    told = set[str]()
    for service in names:
        found = here(project.services[service].environment, given, project.services)
        for name, other in found.items():
            if name not in told:
                told.add(name)
                where = line_of(name, files, service) or f"service {service}"
                why = f"what is kept leads to the container itself; {where} says {other}, and wins"
                yield Finding("variables", name, why)


def line_of(
    name: str, files: Sequence[Path], service: str | None = None, below: str | None = None
) -> str:
    """``compose.yaml, line 12``: where a name stands in the files; empty if nowhere.

    Args:
        service: what stands in the block of that service counts, then what belongs to none
            (an anchor); never what another service says.
        below: a key of the service; what stands at it or after it counts, or else the key itself.
    """
    found = [
        (owner, f"{path.name}, line {number}")
        for path in files
        for number, owner, line in _after(below, path.read_text(errors="replace"))
        if _says(line, name)
    ]
    if service is None:
        where = next((at for _, at in found), "")
    else:
        owners = (service, None)
        where = next((at for wanted in owners for owner, at in found if owner == wanted), "")
    return where if where or below is None else line_of(below, files, service)


def _says(line: str, name: str) -> bool:
    """Whether a line that is no comment has the name, as a word."""
    pattern = rf"(?<!\w){re.escape(name)}(?!\w)"
    return not line.lstrip().startswith("#") and re.search(pattern, line) is not None


def _after(key: str | None, document: str) -> Iterator[tuple[int, str | None, str]]:
    """The lines with their numbers and owners; of each owner those from the key on."""
    begun = set[str | None]()
    for number, (owner, line) in enumerate(_owned(document), 1):
        if key is not None and re.match(rf"\s*{re.escape(key)}\s*:", line):
            begun.add(owner)
        if key is None or owner in begun:
            yield number, owner, line


def _owned(document: str) -> Iterator[tuple[str | None, str]]:
    """Each line of a Compose file, after the service it belongs to by its indentation."""
    inside, step, owner = False, 0, None
    for line in document.splitlines():
        text = line.strip()
        depth = len(line) - len(line.lstrip())
        if text and not text.startswith("#"):
            if depth == 0:
                inside, step, owner = text.startswith("services:"), 0, None
            elif inside and (not step or depth <= step):
                step, owner = depth, text.partition(":")[0].strip("'\"")
        yield owner, line
