"""``scan``: what a project is, from its files alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from holdfast.config import Config
from holdfast.detect import (
    alembic,
    asgi,
    assembling,
    candidates,
    demanded,
    dependencies,
    django,
    drift,
    flask,
    front,
    green,
    gunicorn_settings,
    handed,
    handlers,
    health,
    other,
    paste,
    pointers,
    preludes,
    preparing,
    procfile,
    pythons_elsewhere,
    refusal,
    samples,
    scripts,
    secrets,
    serverless,
    spaces,
    stale,
    startlines,
    state,
    system,
    tool_migrations,
    tools,
    translations,
    uncalled,
    unparsed,
    uwsgi,
    wsgi,
)
from holdfast.detect.facts import (
    AppObject,
    DependencyFile,
    DjangoProject,
    Fact,
    ToolApp,
)
from holdfast.detect.project import Candidate, Project
from holdfast.detect.tree import Tree

Recogniser = Callable[[Tree, Config], Iterable[Fact]]

RECOGNISERS: tuple[Recogniser, ...] = (
    procfile.recognise,
    uwsgi.recognise,
    serverless.recognise,
    spaces.recognise,
    startlines.recognise,
    tools.recognise,
    scripts.recognise,
    handlers.recognise,
    gunicorn_settings.recognise,
    django.recognise,
    flask.recognise,
    asgi.recognise,
    wsgi.recognise,
    paste.recognise,
    dependencies.recognise,
    pythons_elsewhere.recognise,
    secrets.recognise,
    demanded.recognise,
    samples.recognise,
    state.recognise,
    green.recognise,
    alembic.recognise,
    health.recognise,
    other.recognise,
    pointers.recognise,
    preparing.recognise,
    uncalled.recognise,
    tool_migrations.recognise,
    front.recognise,
    drift.recognise,
    translations.recognise,
    unparsed.recognise,
    system.recognise,
)
"""Every recogniser. A new case is a new file with ``recognise``, and a line here."""


def scan(root: Path, config: Config) -> Project:
    """Say what the project in ``root`` is; runs none of its code.

    Raises:
        DetectionError: it is no web app we know, or nothing says which of several it is.
    """
    tree = Tree(root)
    facts = preludes.moved(fact for recognise in RECOGNISERS for fact in recognise(tree, config))
    refusal.of_broken_files(facts)
    serving = scripts.on_import(tree)
    facts = tuple(
        fact
        for fact in facts
        if not isinstance(fact, AppObject) or fact.evidence.file not in serving
    )
    facts = stale.corrected(tree, (*facts, *handed.calls(tree, facts)))
    return _Choice(tree, config, facts).project()


class _Choice:
    """Says which of all that was found is the app."""

    def __init__(self, tree: Tree, config: Config, facts: Sequence[Fact]) -> None:
        self.tree = tree
        self.config = config
        self.facts = facts
        self.made = assembling.Assembly(tree, config, facts)

    def project(self) -> Project:
        ranked = self._fitting(candidates.rank(self.tree, self.facts))
        refusal.of_library(self.tree, ranked, self.config)
        chosen_django = self._django(ranked)
        if chosen_django is not None:
            return self.made.of_django(chosen_django)
        if not self.config.web.command and (ranked or assembling.web_line(self.facts) is None):
            refusal.of_unparsed_app(self.facts, ranked[0] if ranked else None)
        named = self._app_of_command_line()
        if (
            named is not None
            and self._is_there(named)
            and not any(map(candidates.is_named, ranked))
        ):
            return self.made.of_apps([named])
        tool = self._tool()
        if tool is not None and not (ranked and candidates.is_named(ranked[0])):
            return self.made.of_tool(tool, ranked)
        if ranked and self.config.app.framework != "command":
            return self.made.of_apps(ranked)
        unknown = self._app_of_command_line()
        if unknown is not None:
            return self.made.of_apps([unknown])
        script = self._script()
        return self.made.of_tool(script) if script else self.made.of_command()

    def _script(self) -> ToolApp | None:
        """A script that serves by itself, where nobody says how the project is started."""
        if self.config.web.command or assembling.web_line(self.facts) is not None:
            return None
        if self.config.app.framework not in (None, "command"):
            return None
        found = [fact for fact in self.facts if isinstance(fact, ToolApp) and fact.last]
        return next(iter(found), None)

    def _fitting(self, ranked: list[Candidate]) -> list[Candidate]:
        """Those that the config leaves: of its framework, below its directory."""
        framework, directory = self.config.app.framework, self.config.web.directory
        return [
            candidates.rebased(item, directory)
            for item in ranked
            if framework in (None, item.framework, item.interface)
            and (directory in (None, ".") or item.evidence.file.startswith(f"{directory}/"))
        ]

    def _django(self, ranked: Sequence[Candidate]) -> DjangoProject | None:
        """The Django project, unless something else was named or it lies aside."""
        if self.config.app.framework not in (None, "django"):
            return None
        projects = [fact for fact in self.facts if isinstance(fact, DjangoProject)]
        directory = self.config.web.directory
        if directory not in (None, "."):
            projects = [item for item in projects if item.evidence.file.startswith(f"{directory}/")]
        if ranked and candidates.is_named(ranked[0]) and not self.config.app.framework:
            return None
        return refusal.one_of(projects, ranked)

    def _app_of_command_line(self) -> Candidate | None:
        """The app that a server in the ``Procfile`` serves, of a framework we don't know."""
        web = assembling.web_line(self.facts)
        if web is None or self.config.web.command:
            return None
        candidate = candidates.of_command_line(web)
        wanted = self.config.app.framework
        return candidate if candidate and wanted in (None, candidate.framework) else None

    def _tool(self) -> ToolApp | None:
        """A script for Streamlit and its like, unless the config says otherwise."""
        if self.config.web.command or self.config.app.framework not in (None, "command"):
            return None
        named = [fact for fact in self.facts if isinstance(fact, DependencyFile)]
        packages = frozenset(name for item in named for name in item.packages)
        return tools.of_project(self.facts, packages)

    def _is_there(self, candidate: Candidate) -> bool:
        """Whether the module that a command line names is a file of the project."""
        base = "" if candidate.directory == "." else f"{candidate.directory}/"
        path = base + candidate.module.replace(".", "/")
        return self.tree.has(f"{path}.py") or self.tree.has(f"{path}/__init__.py")
