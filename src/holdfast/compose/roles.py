"""Which service is what: the web, workers, what stays up, what runs once, what stays out."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from holdfast.app import Finding
from holdfast.compose import kinds, webs
from holdfast.compose.fronts import Front
from holdfast.compose.project import Project, Service
from holdfast.errors import DetectionError
from holdfast.records import record

_URL = re.compile(r"//(?:[^@/\s]*@)?([A-Za-z0-9][\w.-]*)")

Fronts = webs.Fronts


@record
class Roles:
    """Who is what; ``port`` is the web's in its container, ``None`` until its image says so.

    ``behind``, ``beside``, ``ports``, ``proxy`` and ``ending`` are those of
    :class:`holdfast.app.ComposeApp`; ``front`` is what is known of the web if it passes on.
    """

    web: str
    port: int | None
    workers: tuple[str, ...]
    steady: tuple[str, ...]
    once: tuple[str, ...]
    left_out: tuple[str, ...]
    findings: tuple[Finding, ...]
    behind: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    front: Front | None = None

    @property
    def ports(self) -> dict[str, int]:
        asks = self.front.asks if self.front else {}
        return {name: port for name, port in asks.items() if port}

    @property
    def proxy(self) -> bool:
        return self.front is not None and self.front.proxy

    @property
    def mixes(self) -> str:
        """Why two webs, each with what is behind it, would get at each other's; empty if not."""
        if self.front is None or not self.behind or not self.front.mixes:
            return ""
        where = self.front.mixes
        return f"{where} finds what is behind {self.web} in a way that both would share"

    @property
    def ended(self) -> tuple[str, ...]:
        """Those of ``ending`` that run once with each release."""
        return tuple(name for name in self.ending if name not in self.steady)

    @property
    def slot(self) -> tuple[str, ...]:
        """What stands in a slot."""
        return (*self.behind, self.web, *self.beside)

    @property
    def code(self) -> tuple[str, ...]:
        """What runs the app's code, and comes anew with each release."""
        return (*self.slot, *self.workers, *self.once, *self.ended)

    @property
    def everything(self) -> tuple[str, ...]:
        """All that runs on the server."""
        return (*self.code, *self.steady)


def assign(
    project: Project, web: str | None = None, port: int | None = None, fronts: Fronts | None = None
) -> Roles:
    """Give every service its role.

    Args:
        web: the service that the user named, ``port`` likewise.
        fronts: the project's proxies (:func:`holdfast.compose.fronts.find`).

    Raises:
        DetectionError: no service can be the web, or several may be.
    """
    found: list[Finding] = []
    known = fronts or {}
    _check_providers(project)
    service = webs.choose(project, web, known, found)
    left = _left_out(project, service, known)
    front = known.get(service.name)
    behind = _behind(project, service, known, left)
    ours = _ours(project, service, behind, front)
    beside = _beside(project, (service.name, *behind), left)
    apart = {*behind, *beside}
    once = _once(project, service, left, [name for name in ours if name not in apart])
    workers: list[str] = []
    steady: list[str] = []
    for name, item in project.services.items():
        if name == service.name or name in {*left, *once, *apart}:
            continue
        (workers if name in ours and not kinds.keeps(item) else steady).append(name)
    ending = _ending(project, workers, steady)
    roles = Roles(
        service.name,
        port or webs.port_of(project, service, known, found),
        tuple(name for name in workers if name not in ending),
        tuple(steady),
        once,
        tuple(left),
        (),
        behind,
        ending,
        beside,
        front,
    )
    return replace(roles, findings=(*found, *_told(project, roles, left, known)))


def _check_providers(project: Project) -> None:
    """Refuse what is no container, but a program that Compose calls (``provider``)."""
    for name, item in project.services.items():
        if item.raw.get("provider"):
            raise DetectionError(
                f"{name} is made by a provider, and no container, which is not supported",
                hint=f"put {name} behind a profile, and what it provides into holdfast env",
            )


def check_profiles(project: Project, every: Project) -> None:
    """Refuse a project of which no service is on that could be the web, but some is off.

    Args:
        every: the project as if all profiles were on.

    Raises:
        DetectionError: with the profiles that can be switched on.
    """
    if any(webs.may_be(item) for item in project.services.values()):
        return
    off = sorted(
        (item for item in every.services.values() if webs.may_be(item)),
        key=lambda item: -webs.score(item)[0],
    )
    # Each once, those of what looks most like the web first.
    names = list(dict.fromkeys(name for item in off for name in item.raw.get("profiles") or ()))
    if names:
        raise DetectionError(
            "no service of the app is on: profiles that are off hold"
            f" {', '.join(item.name for item in off)}",
            hint=f'holdfast.toml: [compose] profiles = ["{names[0]}"] switches one on, holdfast'
            f" env set COMPOSE_PROFILES likewise; there are {', '.join(names)}",
        )


def check_published(roles: Roles, names: Iterable[str]) -> None:
    """Refuse ports that stay open of services that have none to keep.

    Raises:
        DetectionError: no such service runs here, or it is the web, which the edge is before.
    """
    there = (*roles.behind, *roles.workers, *roles.steady)
    for name in names:
        if name == roles.web:
            raise DetectionError(
                f"holdfast.toml: [compose] publish: {name} is the web, which is reached through"
                " the edge",
                hint="ports 80 and 443 are the edge's; take it out of the list",
            )
        if name not in there:
            raise DetectionError(
                f"holdfast.toml: [compose] publish: no service {name!r} runs on the server",
                hint=f"there are: {', '.join(there) or 'none besides the web'}",
            )


def _left_out(project: Project, web: Service, fronts: Fronts) -> dict[str, str]:
    """What has nothing to do on the server, and why."""
    found = {}
    for name, item in project.services.items():
        if name == web.name:
            continue
        front = fronts.get(name)
        if why := kinds.development(item):
            found[name] = why
        elif (why := kinds.by_hand(item)) and not _needed(project, name):
            found[name] = f"{why}; docker compose run {name} is for a person"
        elif front and front.secure and web.name in front.asks:
            found[name] = f"it ends HTTPS itself ({front.secure}), which the edge does"
    return found


def _needed(project: Project, name: str) -> bool:
    """Whether another service waits for it."""
    return any(name in other.depends for other in project.services.values())


def _once(
    project: Project, web: Service, left: Collection[str], ours: Collection[str]
) -> tuple[str, ...]:
    """What runs to its end before a release serves, in the order in which one waits for another.

    That is what others wait for, and what migrates the database, whoever waits for it.
    """
    found: list[str] = []

    def wait(item: Service, waiting: frozenset[str]) -> None:
        for name in item.completes:
            if name not in ours or name in {*found, *left, *waiting}:
                continue
            wait(project.services[name], waiting | {name})
            found.append(name)

    for item in (web, *project.services.values()):
        if item.name not in left:
            wait(item, frozenset({item.name}))
    alone = [name for name in ours if name not in {*found, *left} and name != web.name]
    return (*found, *(name for name in alone if kinds.migrates(project.services[name])))


def _ending(project: Project, workers: Iterable[str], steady: Iterable[str]) -> tuple[str, ...]:
    """What does its work and ends, with nobody who waits for that."""
    waited = {name for item in project.services.values() for name in item.completes}
    rest = (project.services[name] for name in (*workers, *steady) if name not in waited)
    return tuple(item.name for item in rest if kinds.ends(item) and not kinds.keeps(item))


def _ours(
    project: Project, web: Service, behind: Iterable[str], front: Front | None
) -> dict[str, None]:
    """What runs the app's own code: built here, of an image that is, or of the web's."""
    code = [*(project.services[name] for name in behind), *([] if front else [web])]
    images = {other.image for other in project.services.values() if other.build is not None}
    images |= {item.image for item in code}
    return {
        name: None
        for name, item in project.services.items()
        if item.build is not None or (item.image and item.image in images)
    }


def _behind(
    project: Project, web: Service, fronts: Fronts, left: Collection[str]
) -> tuple[str, ...]:
    """What the web passes requests on to, and what that asks in turn: the app's own alone."""
    built = _ours(project, web, (), None)
    found: list[str] = []

    def ask(item: Service) -> None:
        front = fronts.get(item.name)
        names = [*front.asks] if front else [*_asked(project, item)]
        names = [name for name in names if name not in left and _serves(project, name, front)]
        # Somebody else's image is the app where nothing that is asked is built here.
        chosen = [name for name in names if name in built] or (names if front else [])
        for name in chosen:
            if name not in {*found, web.name}:
                found.append(name)
                ask(project.services[name])

    ask(web)
    return tuple(sorted(found, key=lambda name: -webs.score(project.services[name])[0]))


def _beside(project: Project, slot: Collection[str], left: Collection[str]) -> tuple[str, ...]:
    """What shares the network of what stands in a slot: it has to be made anew with that.

    Raises:
        DetectionError: one of those shares another's, where it could not be found by the edge.
    """
    shares = {
        name: str(item.raw.get("network_mode") or "").removeprefix("service:")
        for name, item in project.services.items()
        if str(item.raw.get("network_mode") or "").startswith("service:")
    }
    for name in slot:
        if name in shares:
            raise DetectionError(
                f"{name} has the network of {shares[name]} (network_mode: service:{shares[name]}),"
                " and a web needs an address of its own",
                hint=f"take network_mode out of {name} in a file for production",
            )
    return tuple(name for name, other in shares.items() if other in slot and name not in left)


def _asked(project: Project, item: Service) -> Iterator[str]:
    """Whom a service that is no proxy asks: named in its variables, or waited for."""
    values = (str(value) for value in item.environment.values())
    named = {name for value in (*values, item.said) for name in _URL.findall(value)}
    for name, other in project.services.items():
        known = item.build is None or other.published or other.exposed or other.check
        waited = name in item.depends and known
        if name != item.name and (name in named or waited):
            yield name


def _serves(project: Project, name: str, front: Front | None) -> bool:
    """Whether requests may be passed on to it."""
    item = project.services[name]
    waited = any(name in other.completes for other in project.services.values())
    if kinds.keeps(item) or kinds.development(item) or waited or kinds.ends(item):
        return False
    asked = bool(front and front.asks.get(name))
    return not kinds.watches_workers(item) and (asked or not kinds.works(item))


def _told(
    project: Project, roles: Roles, left: Mapping[str, str], fronts: Fronts
) -> Iterator[Finding]:
    for name in roles.behind:
        why = f"{roles.web} passes requests on to it; both are replaced together"
        yield Finding("behind", name, why)
    for name in roles.beside:
        yield Finding(
            "beside", name, "it shares the network of the web; both are replaced together"
        )
    for name in roles.workers:
        yield Finding("worker", name, "runs the app's own image; restarted with each release")
    for name in roles.steady:
        why = f"{kinds.made_of(project.services[name])} stays up from release to release"
        if name in roles.ending:
            why = f"ends by itself ({kinds.ends(project.services[name])}): run until it has once"
        yield Finding("service", name, why)
    for name in roles.ended:
        why = f"it ends ({kinds.ends(project.services[name])}); run once before each release serves"
        yield Finding("ends by itself", name, why)
    for name in roles.once:
        waits = next((i.name for i in project.services.values() if name in i.completes), "")
        why = f"{waits} waits until it has ended well" if waits else "it migrates the database"
        yield Finding("release command", name, why)
    for name, why in left.items():
        if kinds.development(project.services[name]) or kinds.by_hand(project.services[name]):
            yield Finding("left out", name, why)
        else:
            more = f"{roles.web} is asked without it, and has to serve its static files itself"
            yield Finding("left out", name, f"{why}; {more}", level="warning")
