"""``resolve``: the app with no guess left; what the user wrote wins over what was found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar

from holdfast.app import (
    AppSpec,
    Edge,
    Finding,
    Policy,
    Process,
    Static,
    StrategyChoice,
    Tls,
    Web,
)
from holdfast.config import Config
from holdfast.config.names import process_name
from holdfast.config.wrong import Wrong
from holdfast.detect import (
    building,
    keeping,
    migrating,
    overlaying,
    shaping,
    system,
    tools,
    warning,
    webcommand,
)
from holdfast.detect.answers import Answers
from holdfast.detect.facts import HealthRoute, ProcessLine
from holdfast.detect.health import KNOWN
from holdfast.detect.machine import Machine
from holdfast.detect.project import Project
from holdfast.errors import DetectionError

T = TypeVar("T", Edge, Policy, Tls, Web, Process)


def resolve(
    config: Config, project: Project, answers: Answers, machine: Machine | None = None
) -> AppSpec:
    """Everything a deploy needs to know of the app.

    Args:
        config: with ``app.name`` and ``app.domains`` filled in.
        machine: where the app is going to run; this one if ``None``.

    Raises:
        DetectionError: nothing says how the app is started.
    """
    name = config.app.name or "app"
    domains = config.app.domains or (f"{name}.localhost",)
    laid = overlaying.lay(config, project, answers, domains)
    shaped = shaping.shape(project, laid.answers)
    answers = shaped.answers
    web, found = _web(config, project, answers, machine or Machine.here())
    release, why_release = migrating.release(config, project, answers, web.directory)
    persist, why_persist = keeping.persist(config, project, answers)
    static, why_static = _static(config, answers)
    build, why_build = building.build(config, project, answers)
    processes, why_processes = _processes(config, project, web.directory)
    decided = (found, why_processes, why_build, why_static, why_release, why_persist)
    findings = [item for part in decided for item in part]
    findings += system.findings(project)
    findings += laid.findings
    findings += warning.warnings(config, project, answers, domains)
    return AppSpec(
        name=name,
        domains=tuple(domains),
        framework=project.framework,
        dependencies=project.dependencies,
        web=web,
        processes=processes,
        build=build,
        release=release,
        env=_env(config, project, answers),
        generate=tuple(dict.fromkeys((*project.generate, *laid.generate))),
        split=project.split,
        persist=persist,
        static=static,
        edge=overlaid(Edge(), config.web),
        policy=policy(config),
        tls=overlaid(Tls(), config.tls),
        overlay=shaping.joined(laid.overlay, shaped.overlay),
        findings=(*_still_true(project, laid), *findings),
        keeps_written=config.persist.detect is not False,
    )


def _env(config: Config, project: Project, answers: Answers) -> dict[str, str]:
    """What every process gets; what the user said goes before all that was found."""
    found = {**_flask_app(project, answers), **project.env, **_path(answers)}
    return {"PYTHONUNBUFFERED": "1", **found, **(config.env or {})}


def _path(answers: Answers) -> dict[str, str]:
    """Where the app that was chosen is found, be it another than the likeliest."""
    path = answers.candidate.pythonpath if answers.candidate else ()
    return {"PYTHONPATH": ":".join(path)} if path else {}


def _flask_app(project: Project, answers: Answers) -> dict[str, str]:
    """What ``flask db upgrade`` and the like must be told, and other platforms' users set."""
    candidate = answers.candidate or next(iter(project.candidates), None)
    if project.framework != "flask" or candidate is None or "." in candidate.attribute:
        return {}
    return {"FLASK_APP": candidate.target + ("()" if candidate.factory else "")}


def _still_true(project: Project, laid: overlaying.Laid) -> Iterator[Finding]:
    """The findings of the scan, less the key in the code where the overlay has another."""
    for finding in project.findings:
        if finding.what != "hard-coded secret" or not laid.generate:
            yield finding


def overlaid(base: T, said: Any) -> T:
    """``base`` with every field that the user's table says something about."""
    values = {
        item.name: getattr(said, item.name)
        for item in fields(base)
        if getattr(said, item.name, None) is not None
    }
    return replace(base, **values)


def policy(config: Config) -> Policy:
    """How the app is deployed."""
    said = overlaid(Policy(), config.deploy)
    return replace(said, strategy=StrategyChoice(said.strategy))


def _web(
    config: Config, project: Project, answers: Answers, machine: Machine
) -> tuple[Web, list[Finding]]:
    """The web process: its command, where it listens, where its health shows."""
    boot = Web("").boot_timeout if project.tool is None else tools.BOOT
    base = overlaid(Web(command="", boot_timeout=boot), config.web)
    started = webcommand.choose(config, project, answers, machine, base)
    health, why_health = _health(config, project, answers)
    web = replace(
        base,
        command=started.command,
        listen=started.listen,
        directory=started.directory,
        health=health,
        health_said=bool(config.web.health),
        reads_static=answers.django is None or answers.django.reads_static,
    )
    return web, [*started.findings, Finding("health", health, why_health)]


def _health(config: Config, project: Project, answers: Answers) -> tuple[str, str]:
    if config.web.health:
        return config.web.health, "holdfast.toml says so"
    if project.tool is not None:
        path = tools.TOOLS_AND_NOTEBOOKS[project.tool.tool].health
        return path, f"{project.tool.tool} answers it when it works"
    known = {path.rstrip("/"): path for path in answers.routes if path.rstrip("/") in KNOWN}
    for path in KNOWN:
        if path in known:
            return known[path], "the app answers it"
    if answers.candidate is None:
        for fact in project.all(HealthRoute):
            return fact.path, str(fact.evidence)
    return "/", "no health path was found; the front page is asked"


def _static(config: Config, answers: Answers) -> tuple[tuple[Static, ...], list[Finding]]:
    """URL prefixes that the edge serves straight from the release."""
    if config.web.static is False:
        return (), []
    if config.web.static:
        said = tuple(Static(url, path) for url, path in config.web.static.items())
        return said, [Finding("static", item.url, "holdfast.toml says so") for item in said]
    found: dict[str, Finding] = {}
    statics: list[Static] = []
    for url, directory, why in _detected_static(answers):
        prefix = "/" + url.strip("/") + "/" if url.strip("/") else "/"
        if prefix == "/" or "<" in prefix or directory.startswith("/") or prefix in found:
            continue
        statics.append(Static(prefix, directory))
        found[prefix] = Finding("static", f"{prefix} from {directory}/", why)
    return tuple(statics), list(found.values())


def _detected_static(answers: Answers) -> list[tuple[str, str, str]]:
    found = [
        (url, path, "the app serves it itself; the edge is faster") for url, path in answers.static
    ]
    django = answers.django
    if (
        django
        and building.collects(answers)
        and django.static_root
        and django.static_url.startswith("/")
    ):
        whitenoise = any("whitenoise" in item.lower() for item in django.middleware)
        why = "STATIC_URL and STATIC_ROOT" + (
            "; the edge answers before WhiteNoise is asked" if whitenoise else ""
        )
        found.append((django.static_url, django.static_root, why))
    return found


def _processes(
    config: Config, project: Project, directory: str
) -> tuple[tuple[Process, ...], list[Finding]]:
    """Those of the config, and the ``Procfile``'s besides web and release."""
    said = {
        name: overlaid(Process(name, item.command, directory), item)
        for name, item in (config.processes or {}).items()
    }
    taken = {_plain(name) for name in said}
    findings = []
    for line in project.processes:
        name = _plain(line.name)
        if name in ("web", "release") or name in taken:
            continue
        _check_name(name, line)
        said[name] = Process(name, line.command, line.directory)
        findings.append(Finding("process", f"{name}: {line.command}", str(line.evidence)))
    return tuple(said.values()), findings


def _plain(name: str) -> str:
    """A ``Procfile`` may write ``My_Worker`` for what the config calls ``my-worker``."""
    return name.lower().replace("_", "-")


def _check_name(name: str, line: ProcessLine) -> None:
    """A name that the config would refuse must not come in by the ``Procfile``."""
    try:
        process_name(name)
    except Wrong as error:
        raise DetectionError(
            f"{line.evidence}: {next(iter(error)).message}",
            hint="give the process another name there",
        ) from None
