"""What a project has for its author's machine that must not go live, each with its line.

``holdfast plan`` tells it of what Compose resolved on the server, ``holdfast check`` of the files
(:mod:`holdfast.compose.written`). A finding is a warning where its author has to act, else it
says what a deploy does about it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from holdfast.app import Finding
from holdfast.compose import kinds
from holdfast.compose.given import Bind
from holdfast.compose.project import Project, Service
from holdfast.compose.roles import Roles
from holdfast.compose.variables import line_of

_DEBUG = re.compile(r"(?:[A-Z]+_)?DEBUG\Z")
_TRUE = frozenset({"1", "true", "yes", "on", "t"})
_SECRET = re.compile(r"SECRET|PASSWORD|TOKEN|API_?KEY", re.IGNORECASE)
_EXAMPLE = re.compile(
    r"change[-_ ]?me|insecure|example|^(?:secret|password|postgres|admin|test|dev|root|1234\w*)$"
    r"|dev[-_]?(?:secret|key)|your[-_ ]",
    re.IGNORECASE,
)


def dangers(
    project: Project,
    roles: Roles,
    bound: Iterable[Bind],
    files: Sequence[Path],
    env: Collection[str],
    publish: Collection[str] = (),
) -> Iterator[Finding]:
    """All of them, the ones that somebody has to act on first.

    Args:
        bound: what services mount from the project.
        files: the Compose files, for the lines.
        env: names of the production variables, which win.
        publish: services whose ports stay open since somebody asked for it.
    """
    ours = roles.code
    told = set[str]()
    ending = {*roles.ending, *roles.once}
    for name in ours:
        yield from _switched_off(name, project.services[name].raw, files, name in ending)
        yield from _values(name, project.services[name].environment, files, env, told)
    for item in bound:
        if item.place == "drop":
            where = line_of(item.target, files, item.service, "volumes") or f"of {item.service}"
            yield Finding("left out", f"{item.path} on {item.target}", f"{item.why} ({where})")
    for name in (*ours, *roles.steady):
        yield from _published(name, project, files, asked=name in publish)
    for name in roles.workers:
        yield from _not_reached(project.services[name], roles.web, publish)


def _values(
    service: str,
    environment: Mapping[str, object],
    files: Sequence[Path],
    env: Collection[str],
    told: set[str],
) -> Iterator[Finding]:
    """Values of development among what a service gets; the value itself is not shown."""
    for name, value in environment.items():
        if name in told or name in env or value is None:
            continue
        where = line_of(name, files, service) or f"service {service}"
        if _DEBUG.match(name) and str(value).lower() in _TRUE:
            told.add(name)
            yield _value(name, f"is on ({where}): errors would show the app's code to anybody")
        elif _SECRET.search(name) and _EXAMPLE.search(str(value)):
            told.add(name)
            yield _value(name, f"looks like an example ({where})")


def _switched_off(
    name: str, raw: Mapping[str, Any], files: Sequence[Path], ends: bool
) -> Iterator[Finding]:
    """What a service is without, that keeps it running and looked after."""
    check = raw.get("healthcheck") or {}
    if ends:
        return
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


def _published(
    name: str, project: Project, files: Sequence[Path], *, asked: bool
) -> Iterator[Finding]:
    """Ports that a service opens to everybody; the override closes them unless asked not to."""
    for target, published, host in project.services[name].published:
        if published and not host.startswith(("127.", "::1")):
            where = line_of(published, files, name, "ports") or f"service {name}"
            why = f"{where}: the edge alone is reached from outside; others reach it by its name"
            if asked:
                why = f"{where}: [compose] publish asks for it; everybody can reach it"
            what = "published" if asked else "closed"
            yield Finding(what, f"port {published} of {name} ({target})", why)


def _not_reached(item: Service, web: str, publish: Collection[str]) -> Iterator[Finding]:
    """A second web, as it seems, to which nothing leads: a frontend beside its API, say."""
    seen = item.published and item.name not in publish
    if (
        seen
        and item.build is not None
        and not kinds.works(item)
        and not kinds.watches_workers(item)
    ):
        why = (
            f"it publishes port {item.published[0][0]}, and visitors reach {web} alone: a proxy of"
            " the project's own can be before both, or each be an app with a domain"
        )
        yield Finding("not reached", item.name, why, level="warning")


def _value(name: str, what: str) -> Finding:
    why = f"{what}; holdfast env set {name} keeps a value for production"
    return Finding("development value", name, why, level="warning")
