"""Which Compose files of a project are meant for a server, by their names and their text.

Compose itself lays ``compose.override.yaml`` over ``compose.yaml`` and knows no more. A file for
production is either laid over the other, too, or complete in itself. Neither says so; how the
project itself calls Compose does, and what stands in the two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from holdfast.compose.project import BASES, FOLDERS, NAMES, PRODUCTION

_TALKS = (
    "README*", "Makefile", "makefile", "justfile", "Justfile", "Taskfile.y*ml", "*.sh", ".env*",
    "DEPLOY*", "docs/*.md", "docs/*.rst", "scripts/*", "bin/*", "deploy/*", ".github/workflows/*",
    ".gitlab-ci.yml", "bitbucket-pipelines.yml", "package.json", "pyproject.toml", "fabfile.py",
    "tasks.py", "compose/README*",
)  # fmt: skip
"""Where a project calls Compose, or says how to."""

_LARGEST, _MOST = 300_000, 200
_NAMED = re.compile(r"(?:(?:^|\s)(?:-f|--file)[= ]\s*|[=:\s\"'])([\w./-]+\.ya?ml)\b")
_CALLS = re.compile(r"docker[- ]compose|COMPOSE_FILE|\s-f\s")
_CONFIGURES = frozenset(
    {"environment", "env_file", "volumes", "ports", "expose", "command", "depends_on", "<<"}
)
_IS_SOMETHING = frozenset({"image", "build", "extends", "<<"})
_KEEPS = re.compile(r"\b(?:postgres|postgis|mysql|mariadb|mongo|redis|valkey|rabbitmq|timescale)")

Outline = Mapping[str, str]


def candidates() -> tuple[str, ...]:
    """Every path of a project at which a Compose file may be that is meant for a server."""
    return (*NAMES, *PRODUCTION, *BASES, *(f"{top}/{name}" for top in FOLDERS for name in NAMES))


def is_one(text: str) -> bool:
    """Whether it is a Compose file: other programs have a ``production.yml`` as well."""
    return re.search(r"^(?:services|include):", text, re.MULTILINE) is not None


def alone(base: str, production: str, read: Callable[[str], str], source: Path) -> str:
    """Why a file for production is complete in itself; empty where it is laid over the other.

    Args:
        base: the name of the other one.
        read: the text of one.
    """
    together, where = _called(base, production, source)
    if together is not None:
        return "" if together else f"{where} uses it alone"
    ours, theirs = outline(read(production)), outline(read(base))
    if not ours or any(not keys(said) & _IS_SOMETHING for said in ours.values()):
        return ""
    if not any("build" in keys(said) for said in theirs.values()):
        if any("build" in keys(said) for said in ours.values()):
            return "it has the app, which the other has not"
    for name, said in theirs.items():
        if name not in ours and (_mentions(read(production), name) or _KEEPS.search(said)):
            return ""
        both = keys(said) & _CONFIGURES
        if name in ours and both and not keys(ours[name]) & _CONFIGURES:
            return ""
    return "it is complete in itself"


def outline(text: str) -> Outline:
    """The services of a Compose file, each with the text of its block."""
    found: dict[str, list[str]] = {}
    inside, step, owner = False, 0, ""
    for line in text.splitlines():
        said, depth = line.strip(), len(line) - len(line.lstrip())
        if not said or said.startswith("#"):
            continue
        if depth == 0:
            inside, step, owner = said.startswith("services:"), 0, ""
        elif inside and (not step or depth <= step):
            step, owner = depth, said.partition(":")[0].strip("'\"")
            found[owner] = [said.partition(":")[2].strip()]
        elif inside and owner:
            found[owner].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def keys(block: str) -> set[str]:
    """The keys that stand in a service's block, at its own level."""
    first, _, rest = block.partition("\n")
    if first.startswith("{"):
        return set(re.findall(r"[{,]\s*([\w<-]+):", block))
    lines = [line for line in rest.splitlines() if line.strip()]
    depth = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    own = (line.strip() for line in lines if len(line) - len(line.lstrip()) == depth)
    found = {line.partition(":")[0] for line in own}
    return found | ({"<<"} if first.startswith("*") else set())


def _mentions(text: str, name: str) -> bool:
    """Whether a file asks another service by its name: waits for it, or has it in an address."""
    word = re.escape(name)
    return (
        re.search(rf"(?:[/@=]|-\s+[\"']?|\[\s*){word}(?:[:/\"'\s\],]|$)", text, re.MULTILINE)
        is not None
    )


def _called(base: str, production: str, source: Path) -> tuple[bool | None, str]:
    """Whether the project itself takes both, and where; ``None`` if it says neither."""
    alone = ""
    for where, line in _lines(source):
        if Path(production).name not in line or not _CALLS.search(line):
            continue
        named = {Path(name).name for name in _NAMED.findall(line)}
        if Path(production).name not in named:
            continue
        if Path(base).name in named:
            return True, where
        alone = alone or where
    return (False, alone) if alone else (None, "")


def _lines(source: Path) -> Iterator[tuple[str, str]]:
    """The lines of all files that may call Compose, each with where it stands."""
    paths = [path for pattern in _TALKS for path in sorted(source.glob(pattern))]
    for path in list(dict.fromkeys(paths))[:_MOST]:
        if path.is_file() and not path.is_symlink() and path.stat().st_size < _LARGEST:
            name = path.relative_to(source)
            text = re.sub(r"\\\n", " ", path.read_text(errors="replace"))
            for number, line in enumerate(text.splitlines(), 1):
                yield f"{name}, line {number},", line
