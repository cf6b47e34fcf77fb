"""The web command: the user's, the ``Procfile``'s made to listen here, or one of ours."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace

from holdfast.app import Finding, Web
from holdfast.config import Config
from holdfast.detect import command_line, green, gunicorn_settings, machine, serving, tools
from holdfast.detect.answers import Answers
from holdfast.detect.command_line import ServerLine
from holdfast.detect.facts import (
    MemoryState,
    ProcessLine,
    Stale,
    StreamsAnswers,
    ToolApp,
    WritesTo,
)
from holdfast.detect.machine import Machine, Shape
from holdfast.detect.project import Candidate, Project, ServerChoice
from holdfast.errors import DetectionError
from holdfast.records import record

_REUSES_SOCKETS = (19, 8)
"""Until then gunicorn asked for SO_REUSEPORT, which newer kernels refuse to unix sockets: it ends
at once (seen with 19.7.1 and Linux 6.18)."""


@record
class Started:
    command: str
    listen: serving.Listen
    directory: str
    findings: tuple[Finding, ...]


def choose(config: Config, project: Project, answers: Answers, here: Machine, base: Web) -> Started:
    """The command, by the first of: holdfast.toml, the ``Procfile``, what was detected."""
    if config.web.command:
        return _said(config, project, config.web.command)
    if project.tool is not None:
        return _of_tool(config, project, project.tool)
    line = next((item for item in project.processes if item.name == "web"), None)
    candidate = answers.candidate or next(iter(project.candidates), None)
    if candidate is None:
        if line is None:
            raise DetectionError("nothing says how the web process is started")
        return _as_written(config, line)
    shape = _shape(project, answers, here, candidate)
    wanted = serving.Wanted(
        candidate,
        shape,
        here,
        grace=base.stop_grace,
        boot=base.boot_timeout,
        listen=config.web.listen or "unix",
        versions=answers.versions,
        own_workers="WEB_CONCURRENCY" in (config.env or {}),
        worker=green.worker(project.facts, project.packages) or "gthread",
    )
    if config.web.listen is None and not wanted.at_least("gunicorn", *_REUSES_SOCKETS):
        wanted = replace(wanted, listen="port")
    if line is not None and project.all(Stale):  # what it names is not where it is started
        line = replace(line, directory=candidate.directory)
    parsed = command_line.parse(line.command) if line else None
    started_in = line.directory if line else candidate.directory
    said = gunicorn_settings.of_line(project.facts, parsed, started_in)
    if said is not None:
        wanted = replace(wanted, settings=said.names)
    return _from_procfile(config, line, wanted, project.server) or _ours(config, project, wanted)


def _said(config: Config, project: Project, command: str) -> Started:
    finding = Finding("web", command, "holdfast.toml says so")
    directory = config.web.directory or project.directory
    return Started(command, config.web.listen or _listens(command), directory, (finding,))


def _of_tool(config: Config, project: Project, found: ToolApp) -> Started:
    """Streamlit and its like listen on a port, and check the origin of WebSockets."""
    path = os.path.relpath(found.evidence.file, project.directory)
    name = config.app.name or "app"
    host = (config.app.domains or (f"{name}.localhost",))[0]
    command = tools.TOOLS_AND_NOTEBOOKS[found.tool].command.format(
        file=shlex.quote(path), host=host
    )
    if tools.reads_secrets(project.facts, found):
        command = command.replace("exec streamlit", f"exec python -m {tools.LAUNCHER}")
    why = f"{found.evidence} is a script for {found.tool}"
    if found.last:
        why = f"{found.evidence} starts a server of its own ({found.tool}), made to listen here"
    findings = (
        Finding("web", command, why),
        Finding("workers", "1", f"one process: what {found.tool} keeps in memory is not shared"),
    )
    return Started(command, "port", project.directory, findings)


def _listens(command: str) -> serving.Listen:
    uses_port = re.search(r"\$\{?PORT\b", command) and "HOLDFAST_SOCKET" not in command
    return "port" if uses_port else "unix"


def _as_written(config: Config, line: ProcessLine) -> Started:
    """A ``Procfile``'s web line of which we know nothing: it must listen on ``$PORT``."""
    finding = Finding("web", line.command, f"{line.evidence}; it must listen on 127.0.0.1:$PORT")
    directory = config.web.directory or line.directory
    return Started(line.command, config.web.listen or "port", directory, (finding,))


def _shape(project: Project, answers: Answers, here: Machine, candidate: Candidate) -> Shape:
    state = next(iter(project.all(MemoryState)), None)
    open_ended = next(iter(project.all(StreamsAnswers)), None)
    written = any(fact.kind == "file" for fact in project.all(WritesTo))
    threads = not green.worker(project.facts, project.packages)
    sqlite = bool(answers.sqlite or (answers.candidate is None and written))
    return machine.shape(
        here,
        memory_state=f"{state.what} ({state.evidence})" if state else None,
        sqlite=sqlite and not answers.databases,
        interface=candidate.interface,
        streams=f"{open_ended.what}s ({open_ended.evidence})" if open_ended and threads else None,
    )


def _ours(config: Config, project: Project, wanted: serving.Wanted) -> Started:
    assert project.server is not None  # a candidate has a server
    line = serving.line(project.server.name, wanted)
    findings = (
        Finding("web", line.command, f"{project.server.name}: {project.server.why}"),
        Finding("workers", _shown(wanted), wanted.shape.why),
    )
    directory = config.web.directory or wanted.candidate.directory
    return Started(line.command, line.listen, directory, findings)


def _shown(wanted: serving.Wanted) -> str:
    if wanted.own_workers:
        return "$WEB_CONCURRENCY"
    if wanted.candidate.interface == "asgi":
        return str(wanted.shape.workers)
    if wanted.worker != "gthread":
        return f"{wanted.shape.workers} of {wanted.worker}"
    return f"{wanted.shape.workers} with {wanted.shape.threads} threads"


def _from_procfile(
    config: Config,
    line: ProcessLine | None,
    wanted: serving.Wanted,
    project_server: ServerChoice | None,
) -> Started | None:
    """The ``Procfile``'s web line, if it is a server's: its options, our place to listen."""
    parsed = command_line.parse(line.command) if line else None
    if line is None or parsed is None:
        return None
    server = parsed.name
    if project_server is not None and server != project_server.name:
        return None  # the object speaks another protocol than this server
    if wanted.shape.threads == machine.STREAMING:
        parsed = _not_sync(parsed)
    ours = serving.line(server, wanted)
    command = _merged(parsed, server, ours.command.removeprefix("exec "), wanted)
    command = f"{parsed.before}exec {_environment(parsed)}{parsed.wrapper}{command}"
    why = f"{line.evidence}, made to listen where the edge asks"
    if parsed.development:
        why += f"; without {', '.join(parsed.development)}, which is for development"
    findings = (Finding("web", command, why), *_at_every_start(line, parsed))
    return Started(command, ours.listen, config.web.directory or line.directory, findings)


def _not_sync(parsed: ServerLine) -> ServerLine:
    """The line without ``-k sync``: one event stream would stop such a worker."""
    words = list(parsed.options)
    for name in ("-k", "--worker-class"):
        if name in words and words[words.index(name) + 1 :][:1] == ["sync"]:
            at = words.index(name)
            del words[at : at + 2]
    kept = [word for word in words if word not in ("--worker-class=sync", "-ksync")]
    return replace(parsed, options=tuple(kept))


def _at_every_start(line: ProcessLine, parsed: ServerLine) -> tuple[Finding, ...]:
    """A warning where the web line does more than to go somewhere and start the server."""
    commands = [item.strip() for item in re.split(r"&&|;", parsed.before) if item.strip()]
    more = [item for item in commands if not item.startswith(("cd ", "export "))]
    if not more:
        return ()
    why = f"{line.evidence}: it runs at every start of the web process; a release: line runs once"
    return (Finding("before the server", " && ".join(more), why, level="warning"),)


def _environment(parsed: ServerLine) -> str:
    return f"env {parsed.variables}" if parsed.variables else ""


_SAME = (
    ("-w", "--workers"),
    ("-k", "--worker-class"),
    ("-t", "--timeout"),
    ("--access-log", "--access-logfile", "--no-access-log"),
)


def _merged(parsed: ServerLine, server: str, ours: str, wanted: serving.Wanted) -> str:
    """Our command line, less the options that theirs has, and theirs."""
    target = parsed.target or wanted.called
    if server == "gunicorn":
        options = _left(serving.gunicorn_options(_for_worker(parsed, wanted)), parsed)
        where = 'unix:"$HOLDFAST_SOCKET"' if wanted.listen == "unix" else '127.0.0.1:"$PORT"'
        words = (*options, *parsed.options, target)
        return f"gunicorn --bind {where} {command_line.quoted(words)}"
    if server == "uvicorn":
        options = _left(serving.uvicorn_options(wanted), parsed)
        unix = wanted.listen == "unix"
        where = '--uds "$HOLDFAST_SOCKET"' if unix else '--host 127.0.0.1 --port "$PORT"'
        return f"uvicorn {where} {command_line.quoted((*options, *parsed.options, target))}"
    theirs = command_line.quoted(parsed.options)
    head, _, last = ours.rpartition(" ")
    return f"{head} {theirs} {last}" if theirs else ours


def _for_worker(parsed: ServerLine, wanted: serving.Wanted) -> serving.Wanted:
    """Their worker class and count go with their own threads or none."""
    if parsed.has("-w", "--workers"):
        return replace(wanted, own_workers=True)
    return wanted


def _left(options: tuple[str, ...], parsed: ServerLine) -> tuple[str, ...]:
    """Our options (name, value …) that theirs don't say."""
    kept: list[str] = []
    skipping = False
    own_class = parsed.has("-k", "--worker-class")
    for word in options:
        if word.startswith("--"):
            names = next((group for group in _SAME if word in group), (word,))
            skipping = parsed.has(*names) or (own_class and word == "--threads")
        if not skipping:
            kept.append(word)
    return tuple(kept)
