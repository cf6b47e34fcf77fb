"""The project of what was chosen: its dependencies, its server, its variables, and why."""

from __future__ import annotations

import os
from collections.abc import Sequence

from holdfast.app import Finding
from holdfast.config import Config
from holdfast.detect import (
    candidates,
    choosing,
    command_line,
    django,
    drift,
    green,
    gunicorn_settings,
    handed,
    importing,
    known_values,
    reaching,
    refusal,
    server,
    tool_migrations,
    tools,
    unparsed,
)
from holdfast.detect.facts import (
    DjangoProject,
    EnvRead,
    Fact,
    HardCodedSecret,
    Interface,
    ProcessLine,
    Stale,
    StartsServer,
    StreamsAnswers,
    ToolApp,
)
from holdfast.detect.project import Candidate, Project
from holdfast.detect.tree import Tree, join, parent
from holdfast.environment import part_of_database

_QUIET = {"FLASK_RUN_FROM_CLI": "true"}
"""With it ``app.run()`` does nothing: a module that calls it on import can be served."""


_LATER = ("urls.py", "views.py", "models.py", "admin.py", "apps.py", "forms.py", "signals.py")


def processes(facts: Sequence[Fact]) -> tuple[ProcessLine, ...]:
    """The lines of the ``Procfile``, and what files of other platforms say instead."""
    return tuple(fact for fact in facts if isinstance(fact, ProcessLine))


def web_line(facts: Sequence[Fact]) -> ProcessLine | None:
    return next((line for line in processes(facts) if line.name == "web"), None)


class Assembly:
    """Puts a project together of one app, and notes why it is as it is."""

    def __init__(self, tree: Tree, config: Config, facts: Sequence[Fact]) -> None:
        self.tree = tree
        self.config = config
        self.facts = facts
        self.findings: list[Finding] = []
        self.loaded: frozenset[str] = frozenset()

    def of_django(self, found: DjangoProject) -> Project:
        base = candidates.base_of(found)
        self._read([found.evidence.file], [base], found.settings)
        environment = choosing.dependencies(
            self.tree, self.config, self.facts, base, found.evidence.file
        )
        interface = self._django_interface(found, environment.packages | environment.direct)
        candidate = candidates.of_django(self.tree, found, interface)
        candidate = candidates.rebased(candidate, self.config.web.directory)
        variable = {django.VARIABLE: found.settings} if found.settings else {}
        return self._finish(
            [candidate], environment, settings=found.settings, manage=found.manage, env=variable
        )

    def _django_interface(self, found: DjangoProject, packages: frozenset[str]) -> Interface:
        """ASGI for Channels, or where only an ASGI server is installed; else WSGI."""
        if found.asgi is None:
            return "wsgi"
        if found.wsgi is None or packages & {"channels", "daphne"}:
            return "asgi"
        speaks_asgi = packages & {"uvicorn", "hypercorn"}
        speaks_wsgi = packages & {"gunicorn", "waitress", "granian"}
        return "asgi" if speaks_asgi and not speaks_wsgi else "wsgi"

    def of_apps(self, ranked: list[Candidate]) -> Project:
        best = ranked[0]
        roots = [best.directory, *(join(best.directory, item) for item in best.pythonpath)]
        self._read([best.evidence.file], roots)
        environment = choosing.dependencies(
            self.tree, self.config, self.facts, best.directory, best.evidence.file
        )
        same = [item for item in ranked if item.framework == best.framework]
        if web_line(self.facts) is None:  # else a server is started as it is, without the guard
            same[0], found = candidates.started(best, self.facts)
            self.findings += found
        self.findings += handed.warning(best)
        return self._finish(same, environment)

    def _finish(
        self,
        ranked: list[Candidate],
        environment: choosing.Chosen,
        settings: str | None = None,
        manage: str | None = None,
        env: dict[str, str] | None = None,
    ) -> Project:
        best, there = ranked[0], environment.packages | environment.direct
        named = self._of_protocol(best, self._named_server())
        mode = green.mode(self.facts, there)
        served = server.choose(
            best.interface,
            there,
            environment.direct,
            websockets=self._has_websockets(),
            named=named,
            mode=mode if best.interface == "wsgi" else "",
        )
        self._explain(best, ranked)
        self._explain_stale(best)
        self.findings.append(Finding("server", served.choice.name, served.choice.why))
        self.findings += environment.findings
        added = served.extra if named or not self.config.web.command else ()
        added += self._older(environment)
        added += (mode,) if mode and mode not in environment.packages else ()
        added += tool_migrations.missing(self.facts, there)
        given = [*known_values.of_project(self.facts, self.config, best.framework)]
        known = {name: value for name, value, _ in given}
        self.findings += [finding for _, _, finding in given]
        itself = StartsServer in map(type, self.facts) and best.framework == "flask"
        return Project(
            framework=best.framework,
            candidates=tuple(ranked),
            directory=best.directory,
            dependencies=choosing.with_server(environment.dependencies, added),
            packages=there,
            server=served.choice,
            settings=settings,
            manage=manage,
            env={**known, **(env or {}), **_path_variable(best), **(_QUIET if itself else {})},
            split=self._split(),
            loaded=self.loaded,
            directories=frozenset(self.tree.directories),
            generate=self._generate(best.module),
            processes=processes(self.facts),
            facts=tuple(self.facts),
            findings=tuple(self.findings),
        )

    def _has_websockets(self) -> bool:
        return any(
            isinstance(fact, StreamsAnswers) and fact.what == "websocket" for fact in self.facts
        )

    def _split(self) -> tuple[str, ...]:
        """Variables with parts of a database's address, where one prefix has three or more."""
        parts: dict[str, dict[str, str]] = {}
        for fact in self.facts:
            found = part_of_database(fact.name) if isinstance(fact, EnvRead) else None
            if found and isinstance(fact, EnvRead) and fact.literal_default is None:
                parts.setdefault(found[0], {}).setdefault(found[1], fact.name)
        names = [name for item in parts.values() if len(item) >= 3 for name in item.values()]
        if names:
            why = "parts of one address: what is not set is filled from DATABASE_URL, if that is"
            self.findings.append(Finding("database", ", ".join(sorted(names)), why))
        return tuple(sorted(names))

    def _read(self, first: list[str], roots: list[str], settings: str | None = None) -> None:
        """Find what is read with the app: which variables and which Python it cannot do without."""
        for root in roots if settings else ():
            path = join(root, (settings or "").replace(".", "/"))
            first = [*first, f"{path}.py", f"{path}/__init__.py"]
        self.loaded = reaching.reached(self.tree, first, roots)
        # Django imports these by their names, when it starts.
        later = self.tree.named(*_LATER) if settings else []
        asked = unparsed.newer(self.tree, (*sorted(self.loaded), *later), self.facts)
        self.facts = (*self.facts, *asked)

    def _older(self, environment: choosing.Chosen) -> tuple[str, ...]:
        """Older versions that the code's calls need where no file says any."""
        chosen = environment.dependencies
        files = drift.files_of(self.facts, chosen.files)
        older, found = drift.older(self.tree, self.facts, chosen.source, files)
        self.findings += found
        return older

    def _of_protocol(
        self, best: Candidate, named: command_line.ServerLine | None
    ) -> command_line.ServerLine | None:
        """The server named, unless it cannot serve an ASGI app as it is started."""
        if named is None or best.interface != "asgi" or self.config.web.command:
            return named
        if named.name == "gunicorn":
            line = web_line(self.facts)
            directory = line.directory if line else "."
            settings = gunicorn_settings.of_line(self.facts, named, directory)
            return named if gunicorn_settings.speaks_asgi(named, settings) else None
        return None if named.name == "waitress" else named

    def _named_server(self) -> command_line.ServerLine | None:
        """The server in the config's web command, else in the ``Procfile``'s."""
        if self.config.web.command:
            return command_line.parse(self.config.web.command)
        line = web_line(self.facts)
        return command_line.parse(line.command) if line else None

    def _explain(self, best: Candidate, ranked: Sequence[Candidate]) -> None:
        called = f"{best.target}{'()' if best.factory else ''}"
        why = "; ".join(best.why)
        others = [item.target for item in ranked[1:4]]
        if others:
            why += f"; before {', '.join(others)}"
        self.findings.append(Finding("framework", best.framework, str(best.evidence)))
        self.findings.append(Finding("app", called, why))
        if best.directory != ".":
            why = f"{best.evidence.file} is imported from there"
            self.findings.append(Finding("directory", best.directory, why))

    def _explain_stale(self, best: Candidate) -> None:
        for fact in self.facts:
            if isinstance(fact, Stale):
                why = f"{fact.evidence} names it, and it is no file here: {best.target} is served"
                self.findings.append(Finding("not there", fact.target, why, level="warning"))

    def _generate(self, module: str) -> tuple[str, ...]:
        names = (self.config.app.name or "", self.tree.root.name, module.partition(".")[0])
        found = choosing.generate(self.config, self.facts, names)
        for fact in found:
            why = f"{fact.evidence} reads it; any random value will do, so one is made and kept"
            self.findings.append(Finding("secret", fact.name, why))
        if not found:
            self._warn_of_hard_coded()
        return tuple(fact.name for fact in found)

    def _warn_of_hard_coded(self) -> None:
        for fact in self.facts:
            if isinstance(fact, HardCodedSecret):
                why = (
                    f"{fact.evidence} has it in the code, where whoever reads the code can "
                    f'forge sessions; read os.environ["{fact.name}"] and one is made and kept'
                )
                self.findings.append(Finding("hard-coded secret", fact.name, why, level="warning"))
                return

    def of_tool(self, found: ToolApp, ranked: Sequence[Candidate] = ()) -> Project:
        """A framework whose own command serves the script.

        Args:
            ranked: apps that are there besides, which it may well talk to.
        """
        tool = tools.TOOLS_AND_NOTEBOOKS[found.tool]
        path = found.evidence.file
        beside = found.directory or (parent(path) if "/" in path else ".")
        directory = self.config.web.directory or beside
        self._read([path], [directory, parent(path)])
        environment = choosing.dependencies(self.tree, self.config, self.facts, parent(path), path)
        wanted = (tool.package, *tool.besides)
        added = tuple(name for name in wanted if name and name not in environment.packages)
        self.findings.append(Finding("framework", found.tool, str(found.evidence)))
        self.findings += [*environment.findings, *_not_served(ranked)]
        return Project(
            framework="command",
            candidates=(),
            directory=directory,
            dependencies=choosing.with_server(environment.dependencies, added),
            packages=environment.packages | {tool.package},
            env=self._path_of_tool(path, directory),
            loaded=self.loaded,
            generate=self._generate(""),
            processes=processes(self.facts),
            tool=found,
            facts=tuple(self.facts),
            findings=tuple(self.findings),
        )

    def _path_of_tool(self, path: str, directory: str) -> dict[str, str]:
        """``PYTHONPATH`` where the script's own modules are not found from where it is run."""
        source = self.tree.source(path) if path.endswith(".py") else None
        root = importing.import_root(self.tree, source) if source else directory
        seen = os.path.relpath(root, directory)
        return {} if seen == "." else {"PYTHONPATH": seen}

    def of_command(self) -> Project:
        """A command from the config or a ``Procfile``; of the app nothing more is known."""
        web = web_line(self.facts)
        if not self.config.web.command and web is None:
            raise refusal.nothing_found(self.tree, self.config, self.facts)
        directory = self.config.web.directory or (web.directory if web else ".")
        environment = choosing.dependencies(self.tree, self.config, self.facts, directory, None)
        named = self._named_server()
        added = server.missing(named, environment.packages) if named else ()
        said = self.config.web.command or web is None
        why = "holdfast.toml gives the command" if said else str(web.evidence if web else "")
        self.findings.append(Finding("framework", "command", why))
        self.findings += environment.findings
        return Project(
            framework="command",
            candidates=(),
            directory=directory,
            dependencies=choosing.with_server(environment.dependencies, added),
            packages=environment.packages,
            generate=self._generate(""),
            processes=processes(self.facts),
            facts=tuple(self.facts),
            findings=tuple(self.findings),
        )


def _not_served(ranked: Sequence[Candidate]) -> list[Finding]:
    """An app beside a script that is served, where it is no mere example."""
    best = next(iter(ranked), None)
    if best is None or candidates.is_aside(best.evidence.file):
        return []
    why = (
        f"{best.evidence} is an app of its own, and one is served: deploy it besides, under another"
        f' name, with [web] directory = "{best.directory}" and [app] framework = "{best.framework}"'
    )
    return [Finding("not served", best.target, why, level="warning")]


def _path_variable(candidate: Candidate) -> dict[str, str]:
    """``PYTHONPATH`` where the import path needs more than the working directory."""
    return {"PYTHONPATH": ":".join(candidate.pythonpath)} if candidate.pythonpath else {}
