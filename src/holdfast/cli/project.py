"""Which app a verb is about, and where it runs: from options, the config, the folder's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where
from holdfast.errors import UsageError
from holdfast.protocol import Request

if TYPE_CHECKING:
    from holdfast.config.models import Config
    from holdfast.transport.contract import Transport

LOCAL = "local"


@dataclass(frozen=True, slots=True)
class App:
    """An app on a server.

    Attributes:
        named: an option or the config said the name; else it is the folder's.
        transport: the way to its server.
    """

    name: str
    named: bool
    transport: Transport

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the agent something about this app; events are dropped."""
        return self.transport.call(Request(method, {"app": self.name, **params}), lambda _: None)


def find_app(invocation: Invocation, where: Where) -> App:
    """The app that a verb is about, which was deployed before.

    Without a server in an option or the config it is looked for on this machine. The
    config is not read when both options are given: a broken file is then no obstacle.
    """
    if where.name is not None and where.server is not None:
        server = checked_server(where.server)
        return App(checked_name(where.name), True, invocation.connect(server))
    config = load(invocation, where)
    name, named = _name(invocation, config, where)
    return App(name, named, invocation.connect(_server(config, where) or LOCAL))


@dataclass(frozen=True, slots=True)
class Project:
    """A project about to be deployed.

    Attributes:
        config: as JSON, the app's name and domains filled in.
        notes: what was decided without being told, and the config's warnings, one line each.
    """

    app: App
    directory: Path
    config: dict[str, Any]
    notes: tuple[str, ...]


def read_project(
    invocation: Invocation, where: Where, domains: Sequence[str], verb: str = "deploy"
) -> Project:
    """Everything that is known before the source is packed.

    Raises:
        UsageError: no server is known; the one line says how to give one.
    """
    config = load(invocation, where)
    name, named = _name(invocation, config, where)
    server = _server(config, where)
    transport = invocation.connect(server or LOCAL)
    known = _known(transport, name)
    notes = list(config.warnings)
    if server is None:
        notes.append(_assumed_local(name, known is not None, verb))
    app = App(name, named, transport)
    hosts = _domains(app, config, domains, known, notes)
    return Project(app, invocation.directory, _filled(config, name, hosts), tuple(notes))


def request(method: str, project: Project, source: dict[str, Any], strategy: str | None) -> Request:
    """What the methods ``deploy`` and ``plan`` are asked."""
    params = {"app": project.app.name, "config": project.config, "source": source}
    return Request(method, {**params, "strategy": strategy} if strategy else params)


def load(invocation: Invocation, where: Where) -> Config:
    """The project's config; an empty one where there is no file."""
    from holdfast import config

    return config.load(invocation.directory, where.overlay)


def _server(config: Config, where: Where) -> str | None:
    return checked_server(where.server) if where.server is not None else config.app.server


def _name(invocation: Invocation, config: Config, where: Where) -> tuple[str, bool]:
    if where.name is not None:
        return checked_name(where.name), True
    if config.app.name is not None:
        return config.app.name, True
    return folder_name(invocation.directory), False


def folder_name(directory: Path) -> str:
    """The folder's name as an app can have it.

    Raises:
        UsageError: nothing is left of it.
    """
    from holdfast.config.names import slug

    name = slug(directory.resolve().name)
    if not name:
        raise UsageError(
            f"{directory.resolve()}: no app can be called like this folder",
            hint="give it a name: --name NAME",
        )
    return name


def checked_name(name: str) -> str:
    """An app's name from the command line."""
    from holdfast.config.names import app_name

    return checked("--name", app_name, name)


def checked_server(server: str) -> str:
    """A server from the command line."""
    from holdfast.config.names import server as read

    return checked("--server", read, server)


def checked(option: str, read: Callable[[object], str], value: str) -> str:
    """What an option says, by a reader of the config's.

    Raises:
        UsageError: the reader refused it.
    """
    from holdfast.config.wrong import Wrong

    try:
        return read(value)
    except Wrong as error:
        raise UsageError(f"{option}: {next(iter(error)).message}") from None


def _known(transport: Transport, name: str) -> dict[str, Any] | None:
    """The app's status where it was deployed before, or ``None``."""
    status = transport.call(Request("status", {}), lambda _: None)
    return next((app for app in status["apps"] if app["app"] == name and app["release"]), None)


def _assumed_local(name: str, known: bool, verb: str) -> str:
    """An app that runs on this machine already is deployed here again, and that is said."""
    if not known:
        raise UsageError(
            f"{verb} needs a server: give --server local,"
            ' or write server = "local" under [app] in holdfast.toml',
            hint="holdfast init --write writes it down",
        )
    return (
        f"no server is configured; {name} runs on this machine, so it is deployed here"
        " (holdfast init --write writes that down)"
    )


def _domains(
    app: App,
    config: Config,
    given: Sequence[str],
    known: dict[str, Any] | None,
    notes: list[str],
) -> list[str]:
    """From the options, else the config, else as deployed before, else ``NAME.localhost``."""
    from holdfast.config.names import domain

    if given:
        return list(dict.fromkeys(checked("--domain", domain, host) for host in given))
    if config.app.domains:
        return list(config.app.domains)
    default = f"{app.name}.localhost"
    if known and known["domains"]:
        kept = [str(host) for host in known["domains"]]
        if kept != [default]:
            notes.append(f"no domain is configured; it keeps {', '.join(kept)}")
        return kept
    if app.transport.server != LOCAL:
        raise UsageError(
            "deploy needs a domain: give --domain app.example.com,"
            ' or write domains = ["app.example.com"] under [app] in holdfast.toml'
        )
    return [default]


def _filled(config: Config, name: str, domains: list[str]) -> dict[str, Any]:
    from holdfast import config as module

    value = module.to_json(config)
    value["app"] = {**value.get("app", {}), "name": name, "domains": domains}
    return value
