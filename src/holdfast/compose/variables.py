"""The variables that a project's files use, and values that must not go live."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holdfast.app import Finding
from holdfast.compose.project import Project

_USE = re.compile(r"\$\$|\$\{([A-Za-z_]\w*)(?:(:?[-?+])[^}]*)?\}|\$([A-Za-z_]\w*)")
_DEBUG = re.compile(r"(?:[A-Z]+_)?DEBUG\Z")
_TRUE = frozenset({"1", "true", "yes", "on", "t"})
_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|API_?KEY", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"change[-_ ]?me|insecure|example|^(?:secret|password|postgres|admin|test|dev|root|1234\w*)$"
    r"|dev[-_]?(?:secret|key)|your[-_ ]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
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
    there = set(known)
    return {use.name: use.where for use in found if use.name not in there and not use.optional}


def line_of(name: str, files: Sequence[Path], service: str | None = None) -> str:
    """``compose.yaml, line 12``: where a name stands in the files; empty if nowhere.

    Args:
        service: what stands in the block of that service counts, then what belongs to none
            (an anchor); never what another service says.
    """
    pattern = re.compile(rf"\b{re.escape(name)}\b")
    found = [
        (owner, f"{path.name}, line {number}")
        for path in files
        for number, (owner, line) in enumerate(_owned(path.read_text(errors="replace")), 1)
        if pattern.search(line) and not line.lstrip().startswith("#")
    ]
    if service is None:
        return next((where for _, where in found), "")
    return next((at for wanted in (service, None) for owner, at in found if owner == wanted), "")


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


def dangers(
    project: Project, names: Iterable[str], files: Sequence[Path], env: Mapping[str, object]
) -> Iterator[Finding]:
    """Values of development in what services are going to get; the value itself is not shown.

    Args:
        names: the services that run here.
        env: the production variables, which win.
    """
    told = set()
    for service in names:
        yield from _switched_off(service, project.services[service].raw, files)
        for name, value in project.services[service].environment.items():
            if name in told or name in env or value is None:
                continue
            text = str(value)
            where = line_of(name, files, service) or f"service {service}"
            if _DEBUG.match(name) and text.lower() in _TRUE:
                told.add(name)
                yield _danger(name, f"is on ({where}): errors would show the app's code to anybody")
            elif _SECRET.search(name) and _EXAMPLE.search(text):
                told.add(name)
                yield _danger(name, f"looks like an example ({where})")


def _switched_off(name: str, raw: Mapping[str, Any], files: Sequence[Path]) -> Iterator[Finding]:
    """What a service is without, that keeps it running and looked after."""
    check = raw.get("healthcheck") or {}
    if check.get("disable") or check.get("test") == ["NONE"]:
        said = "disable" if check.get("disable") else "NONE"
        where = line_of(said, files, name) or f"service {name}"
        why = f"is switched off ({where}): nobody would notice that it hangs"
        yield Finding("development value", f"health check of {name}", why, level="warning")
    if raw.get("restart") in ("no", "on-failure"):
        where = line_of("restart", files, name) or f"service {name}"
        after = "unless-stopped is put there" if raw["restart"] == "no" else "not after a reboot"
        why = f"is {raw['restart']!r} ({where}); {after}"
        yield Finding("development value", f"restart of {name}", why, level="warning")


def _danger(name: str, what: str) -> Finding:
    why = f"{what}; holdfast env set {name} keeps a value for production"
    return Finding("development value", name, why, level="warning")
