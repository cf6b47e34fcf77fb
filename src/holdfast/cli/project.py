"""Which app a verb is about, and where it runs: from options, the config, the folder's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holdfast.cli.asking import agreed
from holdfast.cli.invocation import Invocation
from holdfast.cli.options import Where
from holdfast.errors import UsageError
from holdfast.protocol import Request
from holdfast.records import record

if TYPE_CHECKING:
    from holdfast.config.models import Config
    from holdfast.transport.contract import Transport

LOCAL = "local"


@record
class App:
    """An app on a server.

    Attributes:
        named: an option or the config said the name; else it is the folder's.
        transport: the way to its server.
    """

    name: str
    named: bool
    transport: Transport

    def typed(self, verb: str, *words: str) -> str:
        """A command about this app that can be pasted anywhere: it needs no config."""
        import shlex

        where = ("--server", self.transport.server, "--name", self.name)
        return shlex.join(("holdfast", verb, *words, *where))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the agent something about this app; events are dropped."""
        return self.transport.call(Request(method, {"app": self.name, **params}), lambda _: None)


def find_app(
    invocation: Invocation, where: Where, *, changes: bool = False, nameless: bool = False
) -> App:
    """The app that a verb is about, which was deployed before.

    Without a server in an option or the config it is looked for on this machine. The
    config is not read when both options are given: a broken file is then no obstacle.

    Args:
        changes: the verb changes it; then it must not be another project's.
        nameless: the verb is about the server as much: in a folder that no app can be called
            like (``/``) the app's name is ``""``, and no app has that.

    Raises:
        UsageError: it is.
    """
    if where.name is not None and where.server is not None:
        server = checked_server(where.server)
        return App(checked_name(where.name), True, invocation.connect(server))
    config = load(invocation, where)
    name, named = _name(invocation, config, where, nameless=nameless)
    transport = invocation.connect(_server(config, where) or LOCAL)
    if changes and not named and not invocation.dry_run:
        if known := _known(transport, name):
            same_project(invocation.directory, transport, name, known)
    return App(name, named, transport)


def same_project(
    directory: Path,
    transport: Transport,
    name: str,
    known: dict[str, Any] | None,
    *,
    named: bool = False,
) -> dict[str, Any]:
    """Where the project lies, as JSON, after a look whether the app of its folder's name is it.

    Args:
        named: the user said the name; then it is.

    Raises:
        UsageError: that one was deployed from another project.
    """
    from holdfast.codec import CodecError, from_json, to_json
    from holdfast.releases.origin import Origin, is_other, origin

    try:
        before = from_json(known["origin"], Origin) if known and known.get("origin") else None
    except CodecError:  # of another version; nobody is refused for that
        before = None
    here = origin(directory, before)
    if before is not None and not named and is_other(before, here):
        raise UsageError(
            f"{name} on {transport.server} is another project: it was deployed from"
            f" {before.folder} of {before.host}",
            hint=f"--name gives this one a name of its own; --name {name} says that it is that one",
        )
    value: dict[str, Any] = to_json(here)
    return value


def server_of(invocation: Invocation, where: Where) -> str | None:
    """The server that an option or the config names; nothing is asked of it."""
    if where.server is not None:
        return checked_server(where.server)
    return _server(load(invocation, where), where)


@record
class Beginning:
    """What is known of a project before anything is decided.

    Attributes:
        name: from an option, the config, or the folder.
        server: from an option or the config; ``None`` if neither says.
        domains: likewise, or those it was deployed with.
        known: what the server says of it, if it was deployed before.
        transport: the way to the server; to this machine if none is named.
    """

    config: Config
    name: str
    named: bool
    server: str | None
    domains: tuple[str, ...]
    known: dict[str, Any] | None
    transport: Transport

    def variables(self) -> set[str]:
        """Names of the variables that the server keeps for the app."""
        listed = self.transport.call(Request("env.list", {"app": self.name}), lambda _: None)
        return set(listed["names"])


def begin(
    invocation: Invocation,
    where: Where,
    domains: Sequence[str],
    *,
    offline: bool = False,
    soon: bool = False,
) -> Beginning:
    """Read the config and ask the server what it knows of the app.

    Args:
        offline: ask nothing; the app counts as unknown.
        soon: a deploy is about to be asked for; the server gets ready for it.
    """
    from holdfast.config.names import domain

    config = load(invocation, where)
    name, named = _name(invocation, config, where)
    server = _server(config, where)
    given = tuple(dict.fromkeys(checked("--domain", domain, host) for host in domains))
    transport = invocation.connect(LOCAL if offline else server or LOCAL)
    if soon and not invocation.dry_run:
        transport.call(Request("expect", {"app": name}), lambda _: None)
    known = None if offline else _known(transport, name)
    kept = tuple(map(str, known["domains"])) if known else ()
    hosts = given or config.app.domains or (kept if kept != (f"{name}.localhost",) else ())
    return Beginning(config, name, named, server, hosts, known, transport)


@record
class Project:
    """A project about to be deployed.

    Attributes:
        config: as JSON, the app's name and domains filled in.
        origin: where it lies, as JSON.
        notes: what was decided without being told, and the config's warnings, one line each.
    """

    app: App
    directory: Path
    config: dict[str, Any]
    notes: tuple[str, ...]
    origin: dict[str, Any]


def read_project(
    invocation: Invocation,
    where: Where,
    domains: Sequence[str],
    verb: str = "deploy",
    *,
    ask: bool = True,
) -> Project:
    """Everything that is known before the source is packed.

    Args:
        ask: a person may be asked whether this machine is meant when no server is named.

    Raises:
        UsageError: no server is known; the one line says how to give one. Or the app of the
            folder's name is another project.
    """
    from holdfast import config as module

    beginning = begin(invocation, where, domains, soon=True)
    if beginning.server is None and not beginning.known:
        question = f"No server is configured. {verb.capitalize()} {beginning.name} on this machine?"
        if not (ask and invocation.interactive and agreed(question)):
            raise no_server(verb)
    name, named, transport = beginning.name, beginning.named, beginning.transport
    origin = same_project(invocation.directory, transport, name, beginning.known, named=named)
    value = module.to_json(beginning.config)
    hosts = beginning.domains or (_default_domain(beginning, verb),)
    value["app"] = {**value.get("app", {}), "name": beginning.name, "domains": list(hosts)}
    app = App(beginning.name, beginning.named, beginning.transport)
    notes = (*beginning.config.warnings, *_assumed(beginning, domains))
    return Project(app, invocation.directory, value, notes, origin)


def no_server(verb: str) -> UsageError:
    """The one line that says what a first deploy needs."""
    return UsageError(
        f"{verb} needs a server: give --server local,"
        ' or write server = "local" under [app] in holdfast.toml',
        hint="holdfast init --write --server local writes it down",
    )


def _assumed(beginning: Beginning, domains: Sequence[str]) -> Iterator[str]:
    """What is taken from the app as it runs, because nobody said otherwise."""
    if beginning.server is None and beginning.known:
        yield (
            f"no server is configured; {beginning.name} runs on this machine, so it is deployed"
            " here (holdfast init --write writes that down)"
        )
    if beginning.domains and not domains and not beginning.config.app.domains:
        yield f"no domain is configured; it keeps {', '.join(beginning.domains)}"


def _default_domain(beginning: Beginning, verb: str) -> str:
    if beginning.transport.server == LOCAL:
        return f"{beginning.name}.localhost"
    raise UsageError(
        f"{verb} needs a domain: give --domain app.example.com,"
        ' or write domains = ["app.example.com"] under [app] in holdfast.toml'
    )


def request(method: str, project: Project, source: dict[str, Any], strategy: str | None) -> Request:
    """What the methods ``deploy`` and ``plan`` are asked."""
    params = {
        "app": project.app.name,
        "config": project.config,
        "source": source,
        "origin": project.origin,
    }
    return Request(method, {**params, "strategy": strategy} if strategy else params)


def load(invocation: Invocation, where: Where) -> Config:
    """The project's config; an empty one where there is no file."""
    from holdfast import config

    return config.load(invocation.directory, where.overlay)


def in_docker(directory: Path, config: Config) -> bool:
    """Whether Docker would run it; the server's Compose reads the project then, not we."""
    from holdfast.compose.files import candidates
    from holdfast.detect import composed

    there = [name for name in candidates() if (directory / name).is_file()]
    texts = {name: (directory / name).read_text(errors="replace") for name in there}
    return composed.wanted(config, texts)


def _server(config: Config, where: Where) -> str | None:
    return checked_server(where.server) if where.server is not None else config.app.server


def _name(
    invocation: Invocation, config: Config, where: Where, *, nameless: bool = False
) -> tuple[str, bool]:
    if where.name is not None:
        return checked_name(where.name), True
    if config.app.name is not None:
        return config.app.name, True
    return _folder_name(invocation.directory, nameless=nameless), False


def _folder_name(directory: Path, *, nameless: bool) -> str:
    """The folder's name as an app can have it; with ``nameless`` it may be ``""``.

    Raises:
        UsageError: nothing is left of it.
    """
    from holdfast.config.names import slug

    name = slug(directory.resolve().name)
    if not name and not nameless:
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
    """The app where it was deployed before: its domains and its release; or ``None``."""
    looked = transport.call(Request("look", {"app": name}), lambda _: None)
    known: dict[str, Any] | None = looked["app"]
    return known
