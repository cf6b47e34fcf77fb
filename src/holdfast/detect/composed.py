"""An app out of its Compose project: which files count, and one AppSpec with no guess left."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from holdfast.app import (
    AppSpec,
    ComposeApp,
    Dependencies,
    Edge,
    Finding,
    Persist,
    Process,
    ReleaseCommand,
    Tls,
    Web,
)
from holdfast.compose import kinds
from holdfast.compose.files import alone, candidates, is_one
from holdfast.compose.given import Bind
from holdfast.compose.overrides import process_name
from holdfast.compose.project import BASES, DEVELOPMENT, NAMES, PRODUCTION, Project, Service
from holdfast.compose.roles import Roles
from holdfast.config import Config
from holdfast.detect.resolving import overlaid, policy
from holdfast.errors import DetectionError

_URL = re.compile(r"https?://[\w.\[\]:-]+?(?::\d+)?(/[^\s'\"|)]*)")
_BOOT = 120.0
_BUILD_LINE = re.compile(r"^(?:\s+|[^#\n]*[{,]\s*)(?:build|extends):|^include:", re.MULTILINE)
"""What builds, or says elsewhere what it is: then Compose is asked, not this text."""

_IMAGE_LINE = re.compile(r"^(?:\s+|[^#\n]*[{,]\s*)image:\s*[\"']?([^\s\"'#,}]+)", re.MULTILINE)


def wanted(config: Config, texts: Mapping[str, str]) -> bool:
    """Whether Docker is to run the app.

    Args:
        texts: the files that may be Compose files. One that only has databases, for the
            author's machine, says nothing about the app.
    """
    said = config.app.runtime or "auto"
    if said != "auto":
        return said == "compose"
    if config.web.command or config.app.framework:
        return False
    return bool(config.compose.files) or any(
        _BUILD_LINE.search(text)
        or any(not kinds.stays_up(image) for image in _IMAGE_LINE.findall(text))
        for name, text in texts.items()
        if name in NAMES or is_one(text)
    )


def files(config: Config, source: Path) -> tuple[tuple[str, ...], list[Finding]]:
    """The Compose files that count on a server, of those in the source.

    Raises:
        DetectionError: there is none.
    """
    if config.compose.files:
        return config.compose.files, [
            Finding("compose", ", ".join(config.compose.files), "[compose] files names them")
        ]
    there = _texts(source)
    if not there:
        raise DetectionError(
            f"there is no Compose file ({', '.join(NAMES)})",
            hint='holdfast.toml: [compose] files = ["infra/compose.yaml"] names another',
        )
    found, chosen = _chosen(there, source)
    top = str(PurePosixPath(chosen[0]).parent)
    for name in DEVELOPMENT:
        if top == "." and (source / name).is_file() and name not in chosen:
            why = "made for development; [compose] files names it if it is not"
            found.append(Finding("left out", name, why))
    return chosen, found


def _texts(source: Path) -> dict[str, str]:
    """The Compose files that may count, the likeliest first, with their texts."""
    found = {}
    for name in candidates():
        path = source / name
        if path.is_file():
            text = path.read_text(errors="replace")
            if name in NAMES or is_one(text):
                found[name] = text
    return found


def _chosen(there: Mapping[str, str], source: Path) -> tuple[list[Finding], tuple[str, ...]]:
    production = next((name for name in PRODUCTION if name in there), None)
    base = next((name for name in (*NAMES, *BASES) if name in there), None)
    if production is None or base is None:
        only = next(iter(there))
        return [Finding("compose", only, "the project's Compose file")], (only,)
    if why := alone(base, production, there.__getitem__, source):
        why = f"{why}; {base} is left out; [compose] files names both if both are meant"
        return [Finding("compose", production, f"made for production, {why}")], (production,)
    over = "laid over it: made for production; [compose] files names it alone if it is complete"
    found = [
        Finding("compose", base, "the project's Compose file"),
        Finding("compose", production, over),
    ]
    return found, (base, production)


def resolve(
    config: Config,
    project: Project,
    roles: Roles,
    compose: ComposeApp,
    binds: Sequence[Bind],
    alone: str,
    findings: Sequence[Finding],
) -> AppSpec:
    """Everything a deploy needs to know of the app; what the user wrote wins."""
    name = config.app.name or "app"
    web = project.services[roles.web]
    grace = max(project.services[part].grace for part in roles.slot)
    base = Web("", listen="port", stop_grace=grace, boot_timeout=_BOOT)
    health, why = _health(web)
    chosen = overlaid(replace(base, health=health), config.web)
    if config.web.health is None:
        findings = [*findings, Finding("health", health, why)]
    return AppSpec(
        name=name,
        domains=tuple(config.app.domains or (f"{name}.localhost",)),
        framework="compose",
        dependencies=Dependencies("none"),
        web=replace(chosen, command="", listen="port", health_said=bool(config.web.health)),
        processes=tuple(
            Process(process_name(worker), "", stop_grace=project.services[worker].grace)
            for worker in roles.workers
        ),
        release=_release(config, roles),
        env=dict(config.env or {}),
        persist=_persist(config, binds),
        edge=overlaid(Edge(), config.web),
        policy=policy(config),
        tls=overlaid(Tls(), config.tls),
        findings=tuple(findings),
        compose=compose,
        alone=alone,
    )


def _health(web: Service) -> tuple[str, str]:
    """The page that its own health check asks for; another host's is none of ours."""
    found = _URL.search(" ".join(web.check))
    if found:
        return found[1], f"the health check of {web.name} asks for it"
    return "/", "no health check of the web asks for a page"


def _release(config: Config, roles: Roles) -> ReleaseCommand | None:
    said = config.release
    timeout = said.timeout or 600.0
    if said.command is False:
        return None
    if said.command:
        return ReleaseCommand(said.command, timeout=timeout)
    if not roles.once:
        return None
    said_so = "; ".join(f"docker compose run {service}" for service in roles.once)
    return ReleaseCommand(said_so, timeout=timeout, settings={"services": " ".join(roles.once)})


def _persist(config: Config, binds: Sequence[Bind]) -> tuple[Persist, ...]:
    found = {
        bind.path: Persist(bind.path, "file" if bind.file else "directory", bind.why)
        for bind in binds
        if bind.place == "data"
    }
    return tuple(found.values())
